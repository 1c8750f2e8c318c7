//! What a subnet says of itself, typed or asked for.

use btd_api::subnets::owning::{SubnetIdentity, SubnetIdentityChange};
use clap::Args;

use crate::{
    failure::Failure,
    session::{Field, Session},
};

/// What a subnet says of itself.
#[derive(Args, Clone, Debug)]
pub(crate) struct IdentityArgs {
    /// Its name
    #[arg(long, value_name = "TEXT", visible_alias = "sn-name", alias = "subnet_name")]
    subnet_name: Option<String>,
    /// Its source repository
    #[arg(long, value_name = "URL", visible_alias = "repo", alias = "github_repo")]
    github_repo: Option<String>,
    /// Whom to write to
    #[arg(long, value_name = "TEXT", aliases = ["contact", "email", "subnet_contact"])]
    subnet_contact: Option<String>,
    /// Its web page
    #[arg(long, value_name = "URL", aliases = ["url", "subnet_url"])]
    subnet_url: Option<String>,
    /// Its Discord
    #[arg(long, value_name = "TEXT", aliases = ["discord-handle", "discord_handle"])]
    discord: Option<String>,
    /// What it does
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Its logo
    #[arg(long, value_name = "URL", alias = "logo_url")]
    logo_url: Option<String>,
    /// Anything else
    #[arg(long, value_name = "TEXT", aliases = ["additional-info", "additional_info"])]
    additional: Option<String>,
}

impl IdentityArgs {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.clone().change() == SubnetIdentityChange::default()
    }

    /// Asks for each field; what says something `now` keeps it where the answer is empty.
    ///
    /// # Errors
    /// When the person gives up.
    pub(super) async fn ask(&mut self, now: &SubnetIdentity, session: &Session) -> Result<(), Failure> {
        if *now != SubnetIdentity::default() {
            session.out.note("an empty answer keeps what stands in brackets, a blank clears it");
        }
        let fields = [
            ("--subnet-name", "Its name", now.subnet_name.as_str(), &mut self.subnet_name),
            ("--github-repo", "Its source repository", now.github_repo.as_str(), &mut self.github_repo),
            ("--subnet-contact", "Whom to write to", now.subnet_contact.as_str(), &mut self.subnet_contact),
            ("--subnet-url", "Its web page", now.subnet_url.as_str(), &mut self.subnet_url),
            ("--discord", "Its Discord", now.discord.as_str(), &mut self.discord),
            ("--description", "What it does", now.description.as_str(), &mut self.description),
            ("--logo-url", "Its logo's URL", now.logo_url.as_str(), &mut self.logo_url),
            ("--additional", "Anything else", now.additional.as_str(), &mut self.additional),
        ];
        session.ask_fields(fields.map(|(flag, question, now, said)| Field { flag, question, now, said })).await
    }

    /// What changes of what a subnet says of itself already.
    pub(super) fn change(self) -> SubnetIdentityChange {
        let Self { subnet_name, github_repo, subnet_contact, subnet_url, discord, description, logo_url, additional } =
            self;
        SubnetIdentityChange {
            subnet_name,
            github_repo,
            subnet_contact,
            subnet_url,
            discord,
            description,
            logo_url,
            additional,
        }
    }

    /// What a new subnet says of itself; none where nothing is said.
    pub(super) fn whole(self) -> Option<SubnetIdentity> {
        let said = self.change();
        let identity = SubnetIdentity {
            subnet_name: said.subnet_name.unwrap_or_default(),
            github_repo: said.github_repo.unwrap_or_default(),
            subnet_contact: said.subnet_contact.unwrap_or_default(),
            subnet_url: said.subnet_url.unwrap_or_default(),
            discord: said.discord.unwrap_or_default(),
            description: said.description.unwrap_or_default(),
            logo_url: said.logo_url.unwrap_or_default(),
            additional: said.additional.unwrap_or_default(),
        };
        (identity != SubnetIdentity::default()).then_some(identity)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Just {
        #[command(flatten)]
        identity: IdentityArgs,
    }

    #[test]
    fn what_is_left_out_is_told_from_what_is_cleared() {
        let typed = |words: &[&str]| Just::parse_from(["x"].iter().chain(words)).identity;
        let change = typed(&["--sn-name", "one", "--description", ""]).change();
        assert_eq!((change.subnet_name.as_deref(), change.description.as_deref()), (Some("one"), Some("")));
        assert_eq!(change.github_repo, None);
        assert!(typed(&[]).is_empty() && !typed(&["--discord="]).is_empty());
        assert_eq!(typed(&["--discord="]).whole(), None);
        assert_eq!(typed(&["--repo", "r"]).whole().unwrap().github_repo, "r");
    }
}
