//! Everything the program learns from its surroundings, read in one place.

use std::env;
use std::path::PathBuf;

/// The folder of the user's catalog overlays, which need not exist.
pub(crate) fn catalog_folder() -> Option<PathBuf> {
    config_folder().map(|folder| folder.join("kubectl-infer").join("catalog"))
}

/// Folders and files of catalog overlays that `KUBECTL_INFER_CATALOG` names, in the order in which they are read.
pub(crate) fn catalog_paths() -> Vec<PathBuf> {
    let list = env::var_os("KUBECTL_INFER_CATALOG").unwrap_or_default();
    env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Kubeconfig files in the order in which kubectl reads them: those of `KUBECONFIG`, else `~/.kube/config`.
pub(crate) fn kubeconfig_paths() -> Vec<PathBuf> {
    let list = env::var_os("KUBECONFIG").unwrap_or_default();
    let named: Vec<_> = env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect();
    if named.is_empty() {
        env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect()
    } else {
        named
    }
}

/// Whether colours are welcome where output goes to a terminal (<https://no-color.org>).
pub(crate) fn wants_color() -> bool {
    let is_refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_refused && env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// `$XDG_CONFIG_HOME`, or its default in the home folder.
fn config_folder() -> Option<PathBuf> {
    // The specification says that a relative path is to be ignored.
    let stated = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    stated.filter(|path| path.is_absolute()).or_else(|| env::home_dir().map(|home| home.join(".config")))
}

/// The day that `SOURCE_DATE_EPOCH` names (<https://reproducible-builds.org/specs/source-date-epoch/>).
pub(crate) fn source_date() -> Result<Option<String>, String> {
    match env::var("SOURCE_DATE_EPOCH") {
        Err(_) => Ok(None),
        Ok(seconds) if seconds.is_empty() => Ok(None),
        Ok(seconds) => match seconds.parse::<u64>() {
            Ok(number) if number < 253_402_300_800 => Ok(Some(day(number / 86_400))),
            _ => Err(format!("`SOURCE_DATE_EPOCH` is `{seconds}`: it must be seconds since 1970")),
        },
    }
}

/// The Gregorian day that comes `days` after 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn day(days: u64) -> String {
    let since_march_of_year_0 = days + 719_468;
    let era = since_march_of_year_0 / 146_097;
    let day_of_era = since_march_of_year_0 % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(11_016), "2000-02-29");
        assert_eq!(day(1_783_036_800 / 86_400), "2026-07-03");
        assert_eq!(day(253_402_300_799 / 86_400), "9999-12-31");
    }
}
