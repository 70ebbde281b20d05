//! What an object says of a setting.

/// What an object says of a setting: nothing, something that cannot be read from the object alone, or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Told<T> {
    /// Not written: the server's own default holds.
    #[default]
    Unset,
    /// Written as something that only the running container knows: a reference to a ConfigMap, a shell variable, a
    /// placeholder.
    Unknown,
    /// Written.
    Is(T),
}

impl<T> Told<T> {
    /// The written value.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unset | Self::Unknown => None,
        }
    }

    /// The written value, `default` where nothing is written, `None` where it cannot be told.
    pub fn or_default(self, default: T) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unset => Some(default),
            Self::Unknown => None,
        }
    }

    /// The value read further; what cannot be read is unknown.
    pub fn and_then<U>(self, read: impl FnOnce(T) -> Option<U>) -> Told<U> {
        match self {
            Self::Is(value) => read(value).map_or(Told::Unknown, Told::Is),
            Self::Unset => Told::Unset,
            Self::Unknown => Told::Unknown,
        }
    }

    /// `other` where nothing is written.
    pub fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Unset => other(),
            told => told,
        }
    }

    /// Whether it is written, readable or not.
    pub const fn is_written(&self) -> bool {
        !matches!(self, Self::Unset)
    }

    /// The written value as another.
    pub fn map<U>(self, read: impl FnOnce(T) -> U) -> Told<U> {
        self.and_then(|value| Some(read(value)))
    }
}
