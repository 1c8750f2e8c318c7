//! The layers of settings laid over each other, each with its origin, so that an error can name it.

use std::{fs, path::PathBuf};

use config::{ConfigBuilder, FileFormat, builder::DefaultState};
use serde_json::Value;

use super::{Config, ConfigError, Effective, Environment, Flags, Network, endpoints};

type Builder = ConfigBuilder<DefaultState>;

/// One layer: where its values come from, and which they are.
pub(super) struct Layer {
    pub(super) origin: Origin,
    pub(super) values: Value,
    text: String,
}

pub(super) enum Origin {
    Preset(Network),
    File(PathBuf),
}

/// A key that a variable or a flag sets.
struct Single {
    origin: String,
    key: String,
    value: config::Value,
    text: String,
}

impl Origin {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Preset(network) => format!("the preset of {network}"),
            Self::File(path) => path.display().to_string(),
        }
    }
}

pub(super) fn load(flags: &Flags, environment: &Environment) -> Result<(Config, Vec<Effective>), ConfigError> {
    let known = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut file = flags.file.clone().or_else(|| environment.file()).map(read).transpose()?;
    let singles = singles(flags, environment, &known)?;

    let network = chosen_network(file.as_ref(), &singles)?;
    let preset = preset(&network)?;
    let aside = file.as_mut().map(|file| endpoints::set_aside(file, &network)).unwrap_or_default();
    let is_about = file.as_ref().is_some_and(|file| endpoints::is_about(file, &network));
    let layers: Vec<Layer> = preset.into_iter().chain(file).collect();
    for layer in &layers {
        if let Some(key) = unknown(&known, &layer.values, "") {
            return Err(unknown_key(layer.origin.name(), key, &known));
        }
    }

    let mut builder = Builder::default();
    for layer in &layers {
        builder = builder.add_source(config::File::from_str(&layer.text, FileFormat::Toml));
    }
    for key in aside.keys() {
        let pointer = pointer(key);
        let said = layers.iter().find_map(|layer| layer.values.pointer(&pointer)).or_else(|| known.pointer(&pointer));
        let set = builder.set_override(key, endpoints::instead(said));
        builder = set.map_err(|error| ConfigError::Contradiction(error.to_string()))?;
    }
    for single in &singles {
        builder =
            builder.set_override(&single.key, single.value.clone()).map_err(|error| bad_single(single, &error))?;
    }
    let merged = builder.build().map_err(|error| ConfigError::Contradiction(error.to_string()))?;
    let mut config: Config = merged.try_deserialize().map_err(|error| blame(&error, &layers, &singles))?;
    let rank = |key: &str| rank(key, flags, &layers, &singles);
    let least = if is_about { 1 } else { rank("network") };
    let mut notes = endpoints::settle(&mut config, |key| rank(key) > 0, |key| rank(key) >= least)?;
    notes.extend(aside);
    config.axon.check().map_err(|bad| {
        let key = format!("axon.{}", bad.key);
        let origin = origin(&key, &layers, &singles);
        ConfigError::BadValue { origin, key, value: format!("`{}`", bad.value), reason: bad.reason }
    })?;
    let mut settings = Vec::new();
    let whole = serde_json::to_value(&config).unwrap_or_default();
    let told = |key: &str| {
        let origin = origin(key, &layers, &singles);
        notes.get(key).map_or_else(|| origin.clone(), |note| format!("{origin} ({note})"))
    };
    effective(&whole, "", &told, &mut settings);
    Ok((config, settings))
}

/// Where `key` lies in a tree of values.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}

/// How high the place is at which the setting at `key` is said: a flag, a variable, the file, or none but a preset.
fn rank(key: &str, flags: &Flags, layers: &[Layer], singles: &[Single]) -> u8 {
    let pointer = pointer(key);
    if flags.settings.iter().any(|setting| setting.key == key) {
        3
    } else if singles.iter().any(|single| single.key == key) {
        2
    } else {
        let files = layers.iter().filter(|layer| matches!(layer.origin, Origin::File(_)));
        u8::from(files.into_iter().any(|layer| layer.values.pointer(&pointer).is_some()))
    }
}

/// Where the setting at `key` is said.
fn origin(key: &str, layers: &[Layer], singles: &[Single]) -> String {
    if let Some(single) = singles.iter().rev().find(|single| single.key == key) {
        return single.origin.clone();
    }
    let pointer = pointer(key);
    let found = layers.iter().rev().find(|layer| layer.values.pointer(&pointer).is_some());
    found.map_or_else(|| "default".to_owned(), |layer| layer.origin.name())
}

/// The settings below `path`, each with what `origin` says of it.
fn effective(value: &Value, path: &str, origin: &dyn Fn(&str) -> String, found: &mut Vec<Effective>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                effective(value, &path, origin, found);
            }
        }
        value => found.push(Effective { key: path.to_owned(), value: value.clone(), origin: origin(path) }),
    }
}

fn read(path: PathBuf) -> Result<Layer, ConfigError> {
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    match toml::from_str(&text) {
        Ok(values) => Ok(Layer { origin: Origin::File(path), values, text }),
        Err(error) => Err(ConfigError::Malformed { path, reason: error.to_string().trim_end().to_owned() }),
    }
}

fn preset(network: &Network) -> Result<Option<Layer>, ConfigError> {
    let Some(text) = network.preset() else { return Ok(None) };
    let origin = Origin::Preset(network.clone());
    let values = toml::from_str(text)
        .map_err(|error| ConfigError::Malformed { path: origin.name().into(), reason: error.to_string() })?;
    Ok(Some(Layer { origin, values, text: text.to_owned() }))
}

/// The keys that variables set, then those that flags set.
fn singles(flags: &Flags, environment: &Environment, known: &Value) -> Result<Vec<Single>, ConfigError> {
    let mut singles = Vec::new();
    for (origin, key, text) in environment.settings()? {
        let value = match place(known, &key) {
            Place::Unknown => return Err(unknown_key(format!("the variable {origin}"), key, known)),
            Place::List => config::Value::from(text.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>()),
            Place::Plain => config::Value::from(text.clone()),
        };
        singles.push(Single { origin: format!("the variable {origin}"), key, value, text });
    }
    for setting in &flags.settings {
        singles.push(Single {
            origin: setting.flag.to_owned(),
            key: setting.key.to_owned(),
            value: config::Value::from(setting.value.clone()),
            text: setting.value.clone(),
        });
    }
    Ok(singles)
}

fn chosen_network(file: Option<&Layer>, singles: &[Single]) -> Result<Network, ConfigError> {
    let single = singles.iter().rev().find(|single| single.key == "network");
    let (origin, text) = match (single, file) {
        (Some(single), _) => (single.origin.clone(), single.text.clone()),
        (None, Some(file)) => match file.values.get("network") {
            Some(Value::String(name)) => (file.origin.name(), name.clone()),
            Some(other) => (file.origin.name(), other.to_string()),
            None => return Ok(Network::default()),
        },
        (None, None) => return Ok(Network::default()),
    };
    text.parse().map_err(|error: super::NetworkError| ConfigError::BadValue {
        origin,
        key: "network".to_owned(),
        value: format!("`{}`", btd_chain::Endpoint::from(text)),
        reason: error.to_string(),
    })
}

/// What stands at a path of the known keys.
enum Place {
    Unknown,
    List,
    Plain,
}

fn place(known: &Value, key: &str) -> Place {
    let mut here = known;
    for name in key.split('.') {
        match here {
            // A table without keys of its own takes any.
            Value::Object(members) if members.is_empty() => return Place::Plain,
            Value::Object(members) => match members.get(name) {
                Some(next) => here = next,
                None => return Place::Unknown,
            },
            _ => return Place::Unknown,
        }
    }
    match here {
        Value::Array(_) => Place::List,
        Value::Object(members) if !members.is_empty() => Place::Unknown,
        _ => Place::Plain,
    }
}

/// The path of the first key of `given` that `known` lacks.
fn unknown(known: &Value, given: &Value, path: &str) -> Option<String> {
    let (Value::Object(known), Value::Object(given)) = (known, given) else { return None };
    if known.is_empty() {
        return None;
    }
    given.iter().find_map(|(name, value)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match known.get(name) {
            Some(known) => unknown(known, value, &path),
            None => Some(path),
        }
    })
}

fn unknown_key(origin: String, key: String, known: &Value) -> ConfigError {
    let mut all = Vec::new();
    paths(known, "", &mut all);
    let hint = all
        .into_iter()
        .map(|candidate| (distance(&candidate, &key), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(4))
        .min()
        .map(|(_, candidate)| candidate);
    ConfigError::UnknownKey { origin, key, hint }
}

fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    if let Value::Object(members) = value {
        for (name, value) in members {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            paths(value, &path, found);
            found.push(path);
        }
    }
}

/// How many letters must change to make `a` of `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn bad_single(single: &Single, error: &config::ConfigError) -> ConfigError {
    ConfigError::BadValue {
        origin: single.origin.clone(),
        key: single.key.clone(),
        value: format!("`{}`", single.text),
        reason: error.to_string(),
    }
}

/// Finds the layer that a value which does not fit comes from.
fn blame(error: &config::ConfigError, layers: &[Layer], singles: &[Single]) -> ConfigError {
    let (key, reason) = match error {
        config::ConfigError::At { error, key: Some(key), .. } => (key.clone(), error.to_string()),
        config::ConfigError::Type { unexpected, expected, key: Some(key), .. } => {
            (key.clone(), format!("{unexpected} is not {expected}"))
        }
        other => return ConfigError::Contradiction(other.to_string()),
    };
    let plain_key = key.split('[').next().unwrap_or(&key).trim_end_matches('.').to_owned();
    let below = |path: &str| path == plain_key || path.starts_with(&format!("{plain_key}."));
    if let Some(single) = singles.iter().rev().find(|single| below(&single.key)) {
        return ConfigError::BadValue {
            origin: single.origin.clone(),
            key: single.key.clone(),
            value: format!("`{}`", single.text),
            reason,
        };
    }
    let pointer = format!("/{}", plain_key.replace('.', "/"));
    let found = layers.iter().rev().find_map(|layer| Some((layer.origin.name(), layer.values.pointer(&pointer)?)));
    match found {
        Some((origin, value)) => ConfigError::BadValue { origin, key, value: format!("`{value}`"), reason },
        None => ConfigError::Contradiction(error.to_string()),
    }
}
