//! What an error means and what to do about it, from what this btctl knows: nothing is asked.

use btd_api::{
    ErrorKind,
    catalogue::{self, ChainError, Class},
};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    exit::Exit,
    failure::{Failure, OWN, Own},
    output::{
        Format, Page,
        facts::Facts,
        table::{Column, Table},
    },
    session::Session,
};

/// `btctl explain`
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// An error of the chain (`SlippageTooHigh`), a pool's number (`1014`, `Custom error: 21`), a kind or number of
    /// btd (`DISPATCH_FAILED`, `1302`) or of btctl (`DAEMON_UNREACHABLE`), or a class (`rate_limited`); without it, all
    /// classes
    #[arg(allow_negative_numbers = true)]
    code: Option<String>,
}

/// What a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Kind(ErrorKind),
    /// A kind of btctl's own.
    Own(&'static Own),
    Class(Class),
    Chain(&'static ChainError),
    /// A pool's word for what the runtime does not take.
    Invalid,
}

// === impl ExplainArgs ===

impl ExplainArgs {
    pub(crate) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (out, page) = (&session.out, session.out.page());
        let text = match self.code {
            None if out.format() == Format::Json => {
                Class::ALL.iter().map(|class| class_document(*class)).collect::<Value>().to_string()
            }
            None => classes(page),
            Some(code) => {
                let meaning = find(&code).ok_or_else(|| Failure::Usage {
                    message: format!("`{code}` is no error that this btctl knows"),
                    hint: Some("`btctl explain` lists the classes, and `btctl explain CLASS` the errors of one"),
                })?;
                match out.format() {
                    Format::Json => document(meaning).to_string(),
                    Format::Human => words(meaning, page),
                }
            }
        };
        out.data(&text).map(|()| Exit::Success)
    }
}

fn find(code: &str) -> Option<Meaning> {
    let code = code.trim();
    if let Ok(number) = code.parse::<i32>() {
        if number == catalogue::INVALID {
            return Some(Meaning::Invalid);
        }
        // The runtime's own numbers are one byte, btd's and a pool's have four digits.
        let chain = || u8::try_from(number).ok().and_then(catalogue::validity).or(catalogue::pool(number));
        return ErrorKind::from_code(number)
            .map(Meaning::Kind)
            .or_else(|| chain().and_then(catalogue::find).map(Meaning::Chain));
    }
    // As a node words it, whatever stands before.
    if let Some((_, number)) = code.to_ascii_lowercase().split_once("custom error:") {
        let number: u8 = number.trim().trim_end_matches(')').parse().ok()?;
        return catalogue::validity(number).and_then(catalogue::find).map(Meaning::Chain);
    }
    let folded = code.to_ascii_lowercase();
    let worded = catalogue::INVALID_WORDS.iter().find(|(words, _)| folded.contains(&words.to_ascii_lowercase()));
    if let Some((_, name)) = worded {
        return catalogue::find(name).map(Meaning::Chain);
    }
    let exact = ErrorKind::ALL.iter().find(|kind| kind.name() == code);
    let kind = ErrorKind::ALL.iter().find(|kind| kind.name().eq_ignore_ascii_case(&code.replace('-', "_")));
    let own = || OWN.iter().find(|own| own.kind.eq_ignore_ascii_case(&code.replace('-', "_"))).map(Meaning::Own);
    let class = Class::ALL.iter().find(|class| class.name() == code.replace('-', "_").to_ascii_lowercase());
    let chain = || {
        let bare = code.rsplit_once('.').map_or(code, |(_, bare)| bare);
        let alike = catalogue::ALL.iter().find(|error| error.name.eq_ignore_ascii_case(bare));
        catalogue::find(code).or(alike).map(Meaning::Chain)
    };
    // A few names stand for a kind and a class, as `RATE_LIMITED` and `rate_limited`: the exact spelling goes first.
    catalogue::find(code)
        .map(Meaning::Chain)
        .or(exact.copied().map(Meaning::Kind))
        .or(class.copied().map(Meaning::Class))
        .or(kind.copied().map(Meaning::Kind))
        .or_else(own)
        .or_else(chain)
}

const INVALID_MEANING: &str = "the runtime does not take the extrinsic, and nothing happened; the words behind the code \
                               tell why";

/// What can stand behind [`catalogue::INVALID`], and which error it is.
fn invalid() -> impl Iterator<Item = (String, &'static ChainError)> {
    let worded = catalogue::INVALID_WORDS.iter().map(|(words, name)| ((*words).to_owned(), *name));
    let numbered = (0..=u8::MAX).filter_map(|code| Some((format!("Custom error: {code}"), catalogue::validity(code)?)));
    worded.chain(numbered).filter_map(|(words, name)| Some((words, catalogue::find(name)?)))
}

fn of_class(class: Class) -> impl Iterator<Item = &'static ChainError> {
    catalogue::ALL.iter().filter(move |error| error.class == class)
}

fn class_document(class: Class) -> Value {
    let errors: Vec<&str> = of_class(class).map(|error| error.name).collect();
    json!({ "class": class.name(), "meaning": class.meaning(), "errors": errors })
}

fn document(meaning: Meaning) -> Value {
    match meaning {
        Meaning::Kind(kind) => {
            let exits: Vec<_> = Exit::all_of(kind).into_iter().map(Exit::code).collect();
            json!({
                "kind": kind.name(), "code": kind.code(), "retryable": kind.retryable(), "class": kind.class().name(),
                "meaning": kind.meaning(), "remedy": kind.remedy(), "exit": exits.first(), "exits": exits,
            })
        }
        Meaning::Own(own) => {
            let exits: Vec<_> = own.exits.iter().map(|exit| exit.code()).collect();
            json!({
                "kind": own.kind, "retryable": own.retryable, "class": own.class.name(), "meaning": own.meaning,
                "remedy": own.remedy, "exit": exits.first(), "exits": exits,
            })
        }
        Meaning::Class(class) => class_document(class),
        Meaning::Invalid => {
            let errors: Vec<Value> = invalid()
                .map(|(words, error)| json!({ "words": words, "error": error.name, "remedy": error.remedy }))
                .collect();
            json!({ "code": catalogue::INVALID, "meaning": INVALID_MEANING, "errors": errors })
        }
        Meaning::Chain(error) => json!({
            "error": error.name, "class": error.class.name(), "meaning": error.class.meaning(), "remedy": error.remedy,
        }),
    }
}

fn words(meaning: Meaning, page: Page) -> String {
    let mut facts = Facts::default();
    match meaning {
        Meaning::Kind(kind) => {
            facts.add("kind", format!("{} ({})", kind.name(), kind.code()));
            facts.add("meaning", kind.meaning());
            facts.add("class", kind.class());
            facts.add("remedy", kind.remedy());
            facts.add("retry", if kind.retryable() { "the same may work later" } else { "the same will fail again" });
            let exits: Vec<String> = Exit::all_of(kind).into_iter().map(|exit| exit.code().to_string()).collect();
            facts.add("exit code", exits.join(", "));
        }
        Meaning::Own(own) => {
            facts.add("kind", own.kind);
            facts.add("meaning", own.meaning);
            facts.add("class", own.class);
            facts.add("remedy", own.remedy);
            facts.add("retry", if own.retryable { "the same may work later" } else { "the same will fail again" });
            let exits: Vec<String> = own.exits.iter().map(|exit| exit.code().to_string()).collect();
            facts.add("exit code", exits.join(", "));
        }
        Meaning::Class(class) => {
            facts.add("class", class.name());
            facts.add("meaning", class.meaning());
            let mut table = Table::new(&[Column::text("ERROR"), Column::text("REMEDY")]);
            for error in of_class(class) {
                table.row(&[error.name.to_owned(), error.remedy.to_owned()]);
            }
            return format!("{}{}", facts.render(page), table.render(page));
        }
        Meaning::Invalid => {
            facts.add("code", catalogue::INVALID);
            facts.add("meaning", INVALID_MEANING);
            let mut table =
                Table::new(&[Column::text("WORDS BEHIND IT"), Column::text("ERROR"), Column::text("REMEDY").leaves(1)]);
            for (words, error) in invalid() {
                table.row(&[words, error.name.to_owned(), error.remedy.to_owned()]);
            }
            return format!("{}{}", facts.render(page), table.render(page));
        }
        Meaning::Chain(error) => {
            facts.add("error", error.name);
            facts.add("class", format!("{}: {}", error.class, error.class.meaning()));
            facts.add("remedy", error.remedy);
        }
    }
    facts.render(page)
}

fn classes(page: Page) -> String {
    let mut table = Table::new(&[Column::text("CLASS"), Column::text("MEANING")]);
    for class in Class::ALL {
        table.row(&[class.name().to_owned(), class.meaning().to_owned()]);
    }
    table.render(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_btctl_says_itself_is_explained() {
        for own in &OWN {
            assert_eq!(find(own.kind), Some(Meaning::Own(own)));
            assert_eq!(document(Meaning::Own(own))["exits"].as_array().map(Vec::len), Some(own.exits.len()));
        }
        let told = words(find("daemon-unreachable").unwrap(), Page::default());
        assert!(told.contains("BTD_SOCKET") && told.contains("exit code"), "{told}");
    }

    #[test]
    fn kinds_are_explained_as_they_are_told() {
        for kind in ErrorKind::ALL {
            let (told, document) = (btd_api::ApiError::new(*kind, "no").data, document(Meaning::Kind(*kind)));
            for member in ["kind", "retryable", "class", "remedy"] {
                assert_eq!(told[member], document[member], "{kind}");
            }
            assert!(words(Meaning::Kind(*kind), Page::default()).contains(kind.remedy()), "{kind}");
            assert_eq!(find(kind.name()), Some(Meaning::Kind(*kind)));
        }
        assert_eq!(document(Meaning::Kind(ErrorKind::NotFound))["exits"], json!([1, 6]));
    }

    #[test]
    fn codes_of_every_kind_are_explained() {
        assert_eq!(find("1302"), Some(Meaning::Kind(ErrorKind::DispatchFailed)));
        assert_eq!(find("dispatch-failed"), Some(Meaning::Kind(ErrorKind::DispatchFailed)));
        assert_eq!(find("rate_limited"), Some(Meaning::Class(Class::RateLimited)));
        for name in ["SlippageTooHigh", "SubtensorModule.SlippageTooHigh", "slippagetoohigh"] {
            assert!(matches!(find(name), Some(Meaning::Chain(error)) if error.name == "SlippageTooHigh"), "{name}");
        }
        for (code, name) in [
            ("1014", "TooLowPriority"),
            ("21", "ColdkeySwapDisputed"),
            ("Custom error: 21", "ColdkeySwapDisputed"),
            ("1010: Invalid Transaction: Custom error: 10", "HotKeyNotRegisteredInNetwork"),
        ] {
            assert!(matches!(find(code), Some(Meaning::Chain(error)) if error.name == name), "{code}");
        }
        // Every number that has a name is explained.
        let known: Vec<u8> = (0..=u8::MAX).filter(|code| catalogue::validity(*code).is_some()).collect();
        assert!(known.len() > 28 && known.iter().all(|code| find(&code.to_string()).is_some()), "{known:?}");
        assert_eq!((find("200"), find("Custom error: x")), (None, None));
        // Of an invalid extrinsic the words tell.
        assert_eq!(find("1010"), Some(Meaning::Invalid));
        let text = words(Meaning::Invalid, Page::default());
        for told in ["Transaction has a bad signature", "BadSignature", "Custom error: 255", "BadRequest"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        for (words, name) in catalogue::INVALID_WORDS {
            let code = format!("1010: Invalid Transaction: {words}");
            assert!(matches!(find(&code), Some(Meaning::Chain(error)) if error.name == *name), "{code}");
        }
        assert_eq!(document(Meaning::Invalid)["errors"].as_array().map(Vec::len), Some(8 + known.len()));
        assert_eq!(find("Nonsense"), None);
        let Some(meaning) = find("SlippageTooHigh") else { panic!() };
        assert!(words(meaning, Page::default()).contains("remedy"));
        assert_eq!(document(meaning)["class"], "insufficient_liquidity");
    }
}
