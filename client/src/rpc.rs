//! The noun `rpc`: any method of the daemon by its name, and the contract itself.

use btd_api::{
    IdempotencyKey, Subscription, chain::SubscribeFinalized, events::SubscribeEvents, openrpc, rpc::Discover,
    rpc::Nothing,
};
use clap::Args;
use serde_json::{Map, Value};

use crate::{
    exit::Exit,
    failure::Failure,
    output::{
        Format, Page,
        table::{Column, Table},
    },
    prompt::SecretSource,
    session::{READ, Reply, Session},
    spend,
};

/// `btctl rpc`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  btctl rpc discover
  btctl rpc chain_status
  btctl rpc subnets_metagraph netuid=1
  btctl rpc wallet_transfer dest=5F... amount=1500000000 dry_run=true
  btctl rpc subnets_metagraph '{\"netuid\": 1}'
  btctl rpc wallet_unlock - <params.json    what every process may not read

Amounts are rao in decimal text.")]
pub(crate) struct RpcArgs {
    /// The method, or `discover` for the list of methods
    method: String,
    /// `name=value` pairs, a value being JSON where it reads as such; or one JSON object or array; or `-` to read that from standard input
    #[arg(value_name = "PARAM")]
    params: Vec<String>,
    /// The key that makes a repetition safe, as `idempotency_key=KEY`; without it, what signs gets one of its own
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<IdempotencyKey>,
}

// === impl RpcArgs ===

impl RpcArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self.method.as_str() {
            "discover" if self.params.is_empty() => {
                let reply = session.call::<Discover>(&Nothing {}).await?;
                session.out.reply(&reply, methods)?;
            }
            SubscribeFinalized::NAME | SubscribeEvents::NAME => {
                return Err(Failure::usage("a subscription is not one call: see `btctl events`"));
            }
            method => {
                let contract = openrpc::document();
                let mut params = by_name(&contract, method, params(&contract, method, &self.params)?);
                let is_plan = params.get("dry_run") == Some(&Value::Bool(true));
                if let (Some(key), Value::Object(params)) = (&self.idempotency_key, &mut params)
                    && params.insert("idempotency_key".to_owned(), key.as_str().into()).is_some()
                {
                    return Err(Failure::usage("`idempotency_key` is given twice"));
                }
                let sends = !is_plan && takes_param(&contract, method, "dry_run");
                if session.asks_for_something() && sends {
                    session.require_what_is_asked_for().await?;
                } else if takes_param(&contract, method, "wallet") {
                    session.heed_wallets_for(is_read(&contract, method)).await?;
                }
                let show = |reply: &Reply<()>| match session.out.format() {
                    Format::Json => session.out.document(reply.text()),
                    Format::Human => session.out.data(&indented(reply.text())),
                };
                match &mut params {
                    Value::Object(params) if sends && takes_param(&contract, method, "idempotency_key") => {
                        spend::by_name(session, method, params, show).await?;
                    }
                    params => show(&session.call_by_name(method, params, READ).await?)?,
                }
            }
        }
        Ok(Exit::Success)
    }
}

/// Whether the contract has a method take a parameter. Those that sign extrinsics take `dry_run`, and can be planned alone.
fn takes_param(contract: &Value, method: &str, name: &str) -> bool {
    params_of(contract, method).iter().any(|param| param["name"] == name)
}

/// Positional parameters of a method that signs by their names: so a key can be among them. What is more than the method
/// takes is the daemon's to refuse.
fn by_name(contract: &Value, method: &str, params: Value) -> Value {
    let taken = params_of(contract, method);
    match params {
        Value::Array(values) if values.len() <= taken.len() && takes_param(contract, method, "dry_run") => {
            let name = |param: &Value| param["name"].as_str().unwrap_or_default().to_owned();
            taken.iter().map(name).zip(values).filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
        }
        params => params,
    }
}

/// Whether the contract has a method look at things alone.
fn is_read(contract: &Value, method: &str) -> bool {
    let mut methods = contract["methods"].as_array().into_iter().flatten();
    methods.any(|entry| entry["name"] == method && entry["x-role"] == "read")
}

fn indented(text: &str) -> String {
    let value = serde_json::from_str::<Value>(text);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| text.to_owned())
}

/// The parameters that `words` mean for `method`.
fn params(contract: &Value, method: &str, words: &[String]) -> Result<Value, Failure> {
    let document = |text: &str| {
        serde_json::from_str(text)
            .map_err(|error| Failure::usage(format!("the parameters are not valid JSON: {error}")))
    };
    match words {
        [word] if word == "-" => return document(SecretSource::whole_stdin()?.expose()),
        [word] if word.starts_with(['{', '[']) => {
            let given = document(word)?;
            let taken = params_of(contract, method);
            let by_name = |param: &Value| given.get(param["name"].as_str()?);
            let values = taken.iter().enumerate().filter_map(|(at, param)| {
                Some((param, if given.is_array() { given.get(at)? } else { by_name(param)? }))
            });
            for (param, value) in values {
                refuse_secrets(contract, param, value)?;
            }
            return Ok(given);
        }
        _ => {}
    }
    let mut members = Map::new();
    for word in words {
        let (name, value) = word
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| Failure::usage(format!("`{word}` is not `name=value`, nor a JSON object or array")))?;
        let value = value_of(contract, method, name, value);
        if let Some(param) = params_of(contract, method).iter().find(|param| param["name"] == name) {
            refuse_secrets(contract, param, &value)?;
        }
        if members.insert(name.to_owned(), value).is_some() {
            return Err(Failure::usage(format!("`{name}` is given twice")));
        }
    }
    Ok(Value::Object(members))
}

/// Every process can read a command line.
fn refuse_secrets(contract: &Value, param: &Value, value: &Value) -> Result<(), Failure> {
    if !holds_secret(contract, &param["schema"], value) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "`{}` holds a secret, and every process can read a command line: give the parameters as JSON on standard \
         input, with `-` in their place",
        param["name"].as_str().unwrap_or_default()
    )))
}

/// Whether the contract holds a part of the value to be a secret.
fn holds_secret(contract: &Value, schema: &Value, value: &Value) -> bool {
    if value.is_null() {
        return false;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.strip_prefix('#').and_then(|at| contract.pointer(at));
        return reference.ends_with("/Secret") || target.is_some_and(|target| holds_secret(contract, target, value));
    }
    let holds = |schema: &Value, value: &Value| holds_secret(contract, schema, value);
    let choices = ["anyOf", "allOf", "oneOf"].into_iter().filter_map(|list| schema[list].as_array()).flatten();
    let members = value.as_object().into_iter().flatten();
    let items = value.as_array().into_iter().flatten();
    choices.into_iter().any(|choice| holds(choice, value))
        || members.into_iter().any(|(name, value)| schema["properties"].get(name).is_some_and(|of| holds(of, value)))
        || items.into_iter().any(|item| schema.get("items").is_some_and(|of| holds(of, item)))
}

/// JSON where the text reads as such and the contract does not ask for text: `amount=5` is `"5"`.
fn value_of(contract: &Value, method: &str, name: &str, text: &str) -> Value {
    let parsed = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    let number_for_text =
        parsed.is_number() && schema_of(contract, method, name).is_some_and(|schema| is_text(contract, schema));
    if number_for_text { Value::from(text) } else { parsed }
}

fn params_of<'a>(contract: &'a Value, method: &str) -> &'a [Value] {
    let methods = contract["methods"].as_array().into_iter().flatten();
    let named = methods.into_iter().find(|entry| entry["name"] == method);
    named.and_then(|entry| entry["params"].as_array()).map_or(&[], Vec::as_slice)
}

fn schema_of<'a>(contract: &'a Value, method: &str, name: &str) -> Option<&'a Value> {
    params_of(contract, method).iter().find(|param| param["name"] == name)?.get("schema")
}

/// Whether the contract takes text there and no number.
fn is_text(contract: &Value, schema: &Value) -> bool {
    let takes = |kind| takes(contract, schema, kind);
    takes("string") && !takes("integer") && !takes("number")
}

/// Whether a value of this JSON type is among what the schema allows.
fn takes(contract: &Value, schema: &Value, kind: &str) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        let at = reference.strip_prefix('#');
        return at.and_then(|at| contract.pointer(at)).is_some_and(|found| takes(contract, found, kind));
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["allOf"].as_array()) {
        return choices.iter().any(|choice| takes(contract, choice, kind));
    }
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == kind),
        one => one == kind,
    }
}

fn methods(document: &Value, page: Page) -> String {
    let mut table = Table::new(&[
        Column::text("METHOD"),
        Column::text("ROLE"),
        Column::text("PARAMETERS").leaves(1),
        Column::text("SUMMARY"),
    ]);
    for method in document["methods"].as_array().into_iter().flatten() {
        let text = |name: &str| method[name].as_str().unwrap_or_default().to_owned();
        let params = method["params"].as_array().into_iter().flatten().filter_map(|param| {
            let name = param["name"].as_str()?;
            Some(if param["required"] == true { name.to_owned() } else { format!("[{name}]") })
        });
        table.row(&[text("name"), text("x-role"), params.collect::<Vec<_>>().join(" "), text("summary")]);
    }
    table.render(page)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(method: &str, words: &[&str]) -> Result<Value, Failure> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        params(&openrpc::document(), method, &words)
    }

    #[test]
    fn values_are_json_where_they_read_as_such() {
        let value = read("x_y", &["netuid=1", "name=alice", "on=true", "list=[1,2]", "empty=", "eq=a=b", "q=\"1\""]);
        let expected =
            json!({ "netuid": 1, "name": "alice", "on": true, "list": [1, 2], "empty": "", "eq": "a=b", "q": "1" });
        assert_eq!(value.unwrap(), expected);
    }

    #[test]
    fn a_number_becomes_text_where_the_contract_asks_for_text() {
        let value = read("wallet_transfer", &["amount=1500000000", "dry_run=true", "wallet=7"]).unwrap();
        assert_eq!(value, json!({ "amount": "1500000000", "dry_run": true, "wallet": "7" }));
        // A block is named by number or by hash.
        assert_eq!(read("chain_block", &["block=5"]).unwrap(), json!({ "block": 5 }));
        let value = read("subnets_register", &["netuid=1", "max_cost=5"]).unwrap();
        assert_eq!(value, json!({ "netuid": 1, "max_cost": "5" }));
    }

    #[test]
    fn positions_of_what_signs_are_names_so_that_a_key_can_stand_among_them() {
        let contract = openrpc::document();
        let of = |method: &str, values: Value| by_name(&contract, method, values);
        let names: Vec<&str> =
            params_of(&contract, "wallet_transfer").iter().filter_map(|param| param["name"].as_str()).collect();
        assert_eq!(of("wallet_transfer", json!(["a", null])), json!({ names[0]: "a" }));
        let many = json!(vec![1; names.len() + 1]);
        assert_eq!(of("wallet_transfer", many.clone()), many);
        assert_eq!(of("chain_block", json!([5])), json!([5]));
    }

    #[test]
    fn flags_of_every_command_stand_behind_the_parameters_too() {
        use clap::Parser;
        for words in [
            &["rpc", "x_y", r#"{"a": 1}"#, "--json"][..],
            &["rpc", "x_y", "a=1", "--json", "b=-1"],
            &["rpc", "--json", "x_y", "-"],
            &["rpc", "x_y", "[-1]", "--timeout", "5s", "--json"],
        ] {
            let cli = crate::args::Cli::try_parse_from(std::iter::once(&"btctl").chain(words)).unwrap();
            let crate::args::Command::Rpc(args) = cli.command else { panic!("{words:?}") };
            assert!(cli.global.json && !args.params.iter().any(|word| word.starts_with("--")), "{words:?}: {args:?}");
        }
    }

    #[test]
    fn one_json_document_is_taken_as_it_is() {
        assert_eq!(read("x_y", &["{\"a\": [1]}"]).unwrap(), json!({ "a": [1] }));
        assert_eq!(read("x_y", &["[1, \"b\"]"]).unwrap(), json!([1, "b"]));
        assert_eq!(read("x_y", &[]).unwrap(), json!({}));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for (method, words) in [
            ("wallet_unlock", &["password=x"][..]),
            ("wallet_unlock", &[r#"{"wallet": "w", "password": "x"}"#]),
            ("wallet_unlock", &[r#"["x", "w"]"#]),
            ("wallet_regenColdkey", &["wallet=w", r#"origin={"mnemonic": {"words": "a b c"}}"#]),
            ("wallet_regenColdkey", &[r#"{"wallet": "w", "origin": {"mnemonic": {"words": "a b c"}}}"#]),
            ("wallet_newColdkey", &["wallet=w", r#"file={"protection": "nacl", "password": "x"}"#]),
        ] {
            assert!(matches!(read(method, words), Err(Failure::Usage { .. })), "{method} {words:?}");
        }
        assert!(read("wallet_newColdkey", &["wallet=w", r#"file={"protection": "plain"}"#]).is_ok());
        assert!(read("wallet_unlock", &["wallet=w"]).is_ok());
        for words in [&["netuid"][..], &["{broken"], &["=1"], &["a=1", "a=2"], &["a=1", "[2]"]] {
            assert!(matches!(read("x_y", words), Err(Failure::Usage { .. })), "{words:?}");
        }
    }

    #[test]
    fn the_contract_reads_as_a_table() {
        let text = methods(&openrpc::document(), Page::default());
        let line = text.lines().find(|line| line.starts_with("subnets_metagraph ")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..3], ["subnets_metagraph", "read", "netuid"]);
    }
}
