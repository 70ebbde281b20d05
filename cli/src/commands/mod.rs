//! One function a command: options in, outcome out.

mod accelerators;
mod accuracy;
mod autoscaling;
mod benchmarks;
mod catalog;
mod estimate;
mod files;
mod lint;
mod manifests;
mod measurements;
mod policy;
mod profiles;
mod program;
mod rollout;
mod rules;
mod webhook;

use crate::arguments::{
    Arguments, AutoscalingCommand, Command, ManifestsCommand, PolicyCommand, ProfilesCommand, RulesCommand,
    TransferCommand, WebhookCommand,
};
use crate::failure::Failure;
use crate::output::Outcome;
use crate::{completion, overlay};

/// Does what the command line says.
pub(crate) fn execute(arguments: Arguments) -> Result<Outcome, Failure> {
    let overlays = &arguments.catalog;
    let cluster = &arguments.cluster;
    match arguments.command {
        Command::List(options) | Command::Profiles(ProfilesCommand::List(options)) => {
            profiles::list(&overlay::catalog(overlays)?, &options)
        }
        Command::Benchmarks(command) => benchmarks::list(&overlay::catalog(overlays)?, command),
        Command::Estimate(options) => estimate::estimate(&overlay::catalog(overlays)?, &options),
        Command::Accuracy(options) => accuracy::accuracy(&overlay::catalog(overlays)?, &options),
        Command::Autoscaling(AutoscalingCommand::Create(options)) => {
            autoscaling::create(&overlay::catalog(overlays)?, cluster, &options)
        }
        Command::Autoscaling(AutoscalingCommand::Setup(options)) => {
            autoscaling::setup(&overlay::catalog(overlays)?, cluster, &options)
        }
        Command::Autoscaling(AutoscalingCommand::Explain(options)) => {
            autoscaling::explain(&overlay::catalog(overlays)?, cluster, &options)
        }
        Command::Autoscaling(AutoscalingCommand::Simulate(options)) => {
            autoscaling::simulate(&overlay::catalog(overlays)?, &options)
        }
        Command::Autoscaling(AutoscalingCommand::Watch(options)) => autoscaling::watch(cluster, &options),
        Command::Autoscaling(AutoscalingCommand::Test(options)) => autoscaling::test(cluster, &options),
        Command::Manifests(ManifestsCommand::Create(options)) => {
            manifests::create(&overlay::catalog(overlays)?, cluster, &options)
        }
        // Status 1 says that something differs.
        Command::Manifests(ManifestsCommand::Diff(options)) => {
            let catalog = overlay::catalog(overlays);
            catalog
                .and_then(|catalog| manifests::diff(&catalog, &options))
                .map_err(|failure| failure.with_status(2))
        }
        Command::Transfer(TransferCommand::Create(options)) => {
            manifests::transfer(&overlay::catalog(overlays)?, cluster, &options)
        }
        // Status 1 says that something is wrong with the manifests.
        Command::Lint(options) => {
            let catalog = overlay::catalog(overlays);
            catalog
                .and_then(|catalog| lint::lint(catalog, cluster, &options))
                .map_err(|failure| failure.with_status(2))
        }
        Command::Accelerators(command) => accelerators::list(&overlay::catalog(overlays)?, command),
        Command::Models(command) => catalog::models(&overlay::catalog(overlays)?, command),
        Command::ModelServers(command) => catalog::model_servers(&overlay::catalog(overlays)?, command),
        Command::ModelServerVersions(command) => {
            catalog::model_server_versions(&overlay::catalog(overlays)?, command)
        }
        Command::ServingStacks(command) => catalog::serving_stacks(&overlay::catalog(overlays)?, command),
        Command::ServingStackVersions(command) => {
            catalog::serving_stack_versions(&overlay::catalog(overlays)?, command)
        }
        Command::UseCases(command) => catalog::use_cases(&overlay::catalog(overlays)?, command),
        // Status 1 says that something would be refused.
        Command::Policy(command) => {
            let catalog = overlay::catalog(overlays);
            let namespace = cluster.namespace.as_deref();
            let outcome = catalog.and_then(|catalog| match command {
                PolicyCommand::Check(options) => policy::check(catalog, namespace, &options),
                PolicyCommand::Explain(options) => policy::explain(catalog, namespace, &options),
                PolicyCommand::Export(options) => policy::export(catalog, namespace, &options),
            });
            outcome.map_err(|failure| failure.with_status(2))
        }
        Command::Rollout(options) => rollout::run(cluster, &options),
        Command::Rules(RulesCommand::List(options)) => rules::list(&options),
        Command::Rules(RulesCommand::Show(options)) => rules::show(&options),
        Command::Webhook(WebhookCommand::Install(options)) => webhook::install(cluster, &options),
        Command::Webhook(WebhookCommand::Status(options)) => webhook::status(cluster, &options),
        Command::Webhook(WebhookCommand::Uninstall(options)) => webhook::uninstall(cluster, &options),
        Command::Completion(options) => program::completion(&options),
        Command::Man(options) => program::man(&options),
        Command::Version(options) => program::version(&overlay::catalog(overlays)?, &options),
        Command::Complete { words } => Ok(Outcome::print(completion::complete(overlays, &words))),
    }
}
