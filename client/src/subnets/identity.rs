//! What a subnet says of itself, typed or asked for.

use btd_api::subnets::owning::SubnetIdentity;
use clap::Args;

use crate::{failure::Failure, session::Session};

/// What a subnet says of itself.
#[derive(Args, Clone, Debug)]
pub(crate) struct IdentityArgs {
    /// Its name
    #[arg(
        long,
        value_name = "TEXT",
        visible_alias = "sn-name",
        alias = "subnet_name",
        default_value_t,
        hide_default_value = true
    )]
    subnet_name: String,
    /// Its source repository
    #[arg(
        long,
        value_name = "URL",
        visible_alias = "repo",
        alias = "github_repo",
        default_value_t,
        hide_default_value = true
    )]
    github_repo: String,
    /// Whom to write to
    #[arg(long, value_name = "TEXT", aliases = ["contact", "email", "subnet_contact"], default_value_t, hide_default_value = true)]
    subnet_contact: String,
    /// Its web page
    #[arg(long, value_name = "URL", aliases = ["url", "subnet_url"], default_value_t, hide_default_value = true)]
    subnet_url: String,
    /// Its Discord
    #[arg(long, value_name = "TEXT", aliases = ["discord-handle", "discord_handle"], default_value_t, hide_default_value = true)]
    discord: String,
    /// What it does
    #[arg(long, value_name = "TEXT", default_value_t, hide_default_value = true)]
    description: String,
    /// Its logo
    #[arg(long, value_name = "URL", alias = "logo_url", default_value_t, hide_default_value = true)]
    logo_url: String,
    /// Anything else
    #[arg(long, value_name = "TEXT", aliases = ["additional-info", "additional_info"], default_value_t, hide_default_value = true)]
    additional: String,
}

impl IdentityArgs {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.clone().resolve().is_none()
    }

    /// Asks for each field; an empty answer leaves it empty.
    ///
    /// # Errors
    /// When the person gives up.
    pub(super) async fn ask(&mut self, session: &Session) -> Result<(), Failure> {
        let fields = [
            ("--subnet-name", "Its name", &mut self.subnet_name),
            ("--github-repo", "Its source repository", &mut self.github_repo),
            ("--subnet-contact", "Whom to write to", &mut self.subnet_contact),
            ("--subnet-url", "Its web page", &mut self.subnet_url),
            ("--discord", "Its Discord", &mut self.discord),
            ("--description", "What it does", &mut self.description),
            ("--logo-url", "Its logo's URL", &mut self.logo_url),
            ("--additional", "Anything else", &mut self.additional),
        ];
        session.ask_fields(fields).await
    }

    /// None where nothing is said.
    pub(super) fn resolve(self) -> Option<SubnetIdentity> {
        let Self { subnet_name, github_repo, subnet_contact, subnet_url, discord, description, logo_url, additional } =
            self;
        let identity = SubnetIdentity {
            subnet_name,
            github_repo,
            subnet_contact,
            subnet_url,
            discord,
            description,
            logo_url,
            additional,
        };
        (identity != SubnetIdentity::default()).then_some(identity)
    }
}
