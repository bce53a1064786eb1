//! The arms of a study file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::{ModelFile, Skeletons, StudyText, TrainingFile};
use crate::bank::{BankConfig, families};
use crate::error::Result;
use crate::model::steps::Fault;
use crate::model::{
    Cost, GroupPooling, InputShape, NetConfig, Network, Skeleton, match_maps, match_widths, presets, rescalings,
};
use crate::nn::NormSharing;
use crate::number;

/// An `[[arm]]` table: a preset and what differs from it. The keys are those of [`NetConfig`] unless they say otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs)]
pub struct ArmFile {
    /// Name of the arm, and of its folder in the store.
    pub name: Spanned<String>,
    /// Which network to start from, see [`presets`]; the name by default.
    pub preset: Option<Spanned<String>>,
    /// See [`ModelFile::skeleton`].
    pub skeleton: Option<Spanned<String>>,
    /// Its bank, see [`families`]; that of the preset by default.
    pub bank: Option<Spanned<String>>,
    /// Keys of the bank itself.
    #[serde(skip)]
    pub bank_keys: Vec<(Spanned<String>, serde_json::Value)>,
    /// The base width of the skeleton: that of every layer whose factor is 1.
    #[serde(default, deserialize_with = "number::told")]
    pub width: Option<Spanned<f64>>,
    #[serde(default, deserialize_with = "number::told")]
    pub widths: Option<Spanned<Vec<usize>>>,
    /// The arm whose number of real parameters the widths are chosen for.
    #[serde(rename = "match")]
    pub matches: Option<Spanned<String>>,
    /// The arm whose multiply-adds are matched: by the maps after repetition where the bank repeats, else by the widths.
    pub match_multiply_adds: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "number::told")]
    pub scale: Option<Spanned<usize>>,
    #[serde(default, deserialize_with = "number::told")]
    pub maps: Option<Spanned<Vec<usize>>>,
    pub filters_of: Option<Spanned<BTreeMap<String, String>>>,
    pub group_pooling: Option<Spanned<GroupPooling>>,
    pub pool_every_layer: Option<Spanned<bool>>,
    /// Seed of the scrambles; by default the seed of each run, so that the runs of an arm differ in them too.
    #[serde(default, deserialize_with = "number::told")]
    pub scramble_seed: Option<Spanned<u64>>,
    #[serde(default, deserialize_with = "number::told")]
    pub dropout: Option<f64>,
    /// Whether its convolutions have biases beside those that the skeleton gives them.
    pub bias: Option<bool>,
    pub norm: Option<NormSharing>,
    /// Number of training images, drawn anew for every seed; all by default.
    #[serde(default, deserialize_with = "number::told")]
    pub train: Option<Spanned<usize>>,
    /// How many of the study's seeds it's run with, the first ones; all by default.
    #[serde(default, deserialize_with = "number::told")]
    pub seeds: Option<Spanned<usize>>,
    /// What differs from the study's `[training]`.
    #[serde(default)]
    pub training: TrainingFile,
}

impl ArmFile {
    /// From its table. Keys that some bank has are the bank's; all others are an arm's own.
    pub(super) fn read(mut table: Spanned<DeValue>, text: &StudyText) -> Result<Self> {
        let fail = |e: toml::de::Error| text.parse_error(&e);
        let mut bank_keys = Vec::new();
        if let DeValue::Table(keys) = table.get_mut() {
            for name in families().iter().flat_map(|bank| bank.keys().into_iter().map(|(key, _)| key)) {
                let Some((key, value)) = keys.remove_entry(name.as_str()) else { continue };
                let value = toml::Value::deserialize(ValueDeserializer::from(value)).map_err(fail)?;
                let key = Spanned::new(key.span(), name);
                let value = plain(value).map_err(|fault| text.error(&key, format!("{}: {fault}", key.as_ref())))?;
                bank_keys.push((key, value));
            }
        }
        let own = Self::deserialize(ValueDeserializer::from(table)).map_err(|e| match e.span() {
            Some(span) if e.message().starts_with("unknown field") => {
                let keys: BTreeSet<String> =
                    families().iter().flat_map(|bank| bank.keys()).map(|(key, _)| key).collect();
                let keys = keys.into_iter().collect::<Vec<_>>().join("`, `");
                text.at(span.start, &format!("{}, and some banks have `{keys}`", e.message()))
            }
            _ => fail(e),
        })?;
        Ok(Self { bank_keys, ..own })
    }

    /// The network that the arm asks for, before any matching.
    pub(super) fn network(&self, file: &StudyText, model: &ModelFile, skeletons: &Skeletons) -> Result<NetConfig> {
        let name = self.preset.as_ref().unwrap_or(&self.name);
        let skeleton = self.skeleton(file, model, skeletons, name)?;
        let faulty = |fault: Fault| skeletons.error(file, &skeleton, &fault).unwrap_or_else(|| fault.clone().into());
        let bank = self
            .bank
            .as_ref()
            .map(|bank| BankConfig::named(bank.as_ref()).map_err(|e| file.error(bank, e.to_string())));
        let bank = bank.transpose()?;
        let preset = NetConfig::preset_on(skeleton.clone(), name.as_ref()).map_err(&faulty)?;
        let is_preset = preset.is_some();
        let mut net = match (preset, &bank) {
            (Some(preset), _) => preset,
            (None, Some(bank)) if self.preset.is_none() => {
                NetConfig::new(skeleton.clone(), bank.clone(), 0.0).map_err(&faulty)?
            }
            _ => {
                let known = presets().into_iter().chain(rescalings()).collect::<Vec<_>>().join(", ");
                let message =
                    format!("unknown arm {:?}: its preset is one of {known}, or it has a bank", name.as_ref());
                return Err(file.error(name, message));
            }
        };
        net.initialisation = model.initialisation;
        net.bank = self.configured(file, bank.unwrap_or(net.bank))?;
        self.check_keys(file, &net.bank)?;
        if NetConfig::skeleton_of(name.as_ref()).is_some() && !net.bank.rescales() {
            let place = self.bank.as_ref().unwrap_or(name);
            return Err(only_for(file, place, name.as_ref(), &net.bank, BankConfig::rescales));
        }
        net.scale = given(&self.scale, net.scale);
        net.maps = self.maps.as_ref().map(|maps| maps.as_ref().clone());
        if let Some(filters_of) = &self.filters_of {
            net.filters_of = filters_of.as_ref().clone();
        }
        net.group_pooling = given(&self.group_pooling, net.group_pooling);
        net.pool_every_layer = given(&self.pool_every_layer, net.pool_every_layer);
        net.scramble_seed = given(&self.scramble_seed, net.scramble_seed);
        net.dropout = self.dropout.unwrap_or(net.dropout);
        net.bias = self.bias.unwrap_or(net.bias);
        net.norm = self.norm.unwrap_or(net.norm);
        match (&self.width, &self.widths) {
            (Some(width), None) if !(width.as_ref().is_finite() && *width.as_ref() > 0.0) => {
                return Err(file.error(width, format!("width = {}, but it must be above 0", width.as_ref())));
            }
            (Some(width), None) => net.widths = skeleton.steps().widths(*width.as_ref()).map_err(&faulty)?,
            (None, Some(widths)) => net.widths = widths.as_ref().clone(),
            (Some(width), Some(_)) => return Err(file.error(width, "width and widths can't both be given")),
            (None, None) if net.widths.contains(&0) && !self.finds_widths(&net.bank) => {
                let message = match is_preset {
                    true => format!(
                        "at the base {} of {} a width of it rounds to 0; give the arm a width, widths or match",
                        skeleton.steps().base,
                        skeleton.name()
                    ),
                    false => "an arm without a preset needs width, widths or match".to_owned(),
                };
                return Err(file.error(&self.name, message));
            }
            (None, None) => {}
        }
        Ok(net)
    }

    /// The skeleton that the arm or the study names, or the preset's own, which no other does for.
    fn skeleton(
        &self,
        file: &StudyText,
        model: &ModelFile,
        skeletons: &Skeletons,
        preset: &Spanned<String>,
    ) -> Result<Skeleton> {
        let asked = self.skeleton.as_ref().or(model.skeleton.as_ref());
        let Some(own) = NetConfig::skeleton_of(preset.as_ref()) else { return skeletons.find(file, asked) };
        let skeleton = asked.map_or_else(|| Skeleton::named(own), |asked| skeletons.find(file, Some(asked)))?;
        if skeleton.name() != own {
            let message = format!("{} is a preset on the skeleton {own}, not on {}", preset.as_ref(), skeleton.name());
            return Err(file.error(preset, message));
        }
        Ok(skeleton)
    }

    /// Whether matching finds the widths.
    fn finds_widths(&self, bank: &BankConfig) -> bool {
        self.matches.is_some() || self.match_multiply_adds.is_some() && !bank.rescales()
    }

    /// Whether the arm's size follows another's.
    pub(super) fn is_matched(&self) -> bool {
        self.matches.is_some() || self.match_multiply_adds.is_some()
    }

    /// `net` with the widths or maps that match the cost of the arms that `target` finds, if the arm asks for that.
    pub(super) fn matched(
        &self,
        file: &StudyText,
        mut net: NetConfig,
        input: InputShape,
        target: impl Fn(&Spanned<String>) -> Result<NetConfig>,
    ) -> Result<NetConfig> {
        let located = |name: &Spanned<String>| {
            let name = name.clone();
            move |e: crate::Error| file.error(&name, e.to_string())
        };
        // The fault isn't here but with the arm that this one matches.
        let its = |name: &Spanned<String>| {
            let name = name.clone();
            move |fault: Fault| file.error(&name, format!("{}, which this arm matches: {fault}", name.as_ref()))
        };
        if let Some(name) = self.matches.as_ref().or(self.match_multiply_adds.as_ref())
            && self.finds_widths(&net.bank)
            && (self.width.is_some() || self.widths.is_some())
        {
            return Err(file.error(name, "match finds the widths, so they can't be given too"));
        }
        if let Some(name) = &self.matches {
            let target = Network::budget(&target(name)?, input).map_err(its(name))?;
            net = match_widths(&net, input, Cost::Parameters, target.parameters as u64).map_err(located(name))?;
        }
        let Some(name) = &self.match_multiply_adds else { return Ok(net) };
        let multiply_adds = Network::budget(&target(name)?, input).map_err(its(name))?.multiply_adds;
        if net.bank.rescales() {
            if let Some(maps) = &self.maps {
                return Err(file.error(maps, "match_multiply_adds finds the maps, so they can't be given too"));
            }
            return match_maps(&net, input, multiply_adds).map_err(located(name));
        }
        if self.matches.is_some() {
            let message = "one width can't match both parameters and multiply-adds; give match or match_multiply_adds";
            return Err(file.error(name, message));
        }
        match_widths(&net, input, Cost::MultiplyAdds, multiply_adds).map_err(located(name))
    }

    /// The bank with the keys that the arm gives it.
    fn configured(&self, file: &StudyText, bank: BankConfig) -> Result<BankConfig> {
        let own = bank.keys();
        let bank = self.bank_keys.iter().try_fold(bank, |bank, (key, value)| {
            let name = key.as_ref();
            if !own.contains_key(name) {
                return Err(only_for(file, key, name, &bank, |other| other.keys().contains_key(name)));
            }
            bank.with(name, value.clone()).map_err(|e| file.error(key, format!("{name}: {e}")))
        })?;
        let place = self.bank_keys.first().map_or(&self.name, |(key, _)| key);
        bank.check().map_err(|e| file.error(place, e.to_string()))?;
        Ok(bank)
    }

    /// Refuses keys that the arm's bank would ignore.
    fn check_keys(&self, file: &StudyText, bank: &BankConfig) -> Result<()> {
        let rescales: fn(&BankConfig) -> bool = BankConfig::rescales;
        let has_group: fn(&BankConfig) -> bool = |bank| bank.symmetry().is_some();
        let checks = [
            ("scale", self.scale.as_ref().map(Spanned::span), rescales),
            ("maps", self.maps.as_ref().map(Spanned::span), rescales),
            ("filters_of", self.filters_of.as_ref().map(Spanned::span), rescales),
            ("group_pooling", self.group_pooling.as_ref().map(Spanned::span), has_group),
            ("pool_every_layer", self.pool_every_layer.as_ref().map(Spanned::span), has_group),
            ("scramble_seed", self.scramble_seed.as_ref().map(Spanned::span), BankConfig::draws),
        ];
        match checks.into_iter().find(|(_, span, fits)| span.is_some() && !fits(bank)) {
            Some((key, Some(span), fits)) => Err(only_for(file, &Spanned::new(span, ()), key, bank, fits)),
            _ => Ok(()),
        }
    }
}

/// A value of TOML as banks read it.
fn plain(value: toml::Value) -> std::result::Result<serde_json::Value, String> {
    use toml::Value;
    Ok(match value {
        Value::String(text) => text.into(),
        Value::Integer(number) => number.into(),
        Value::Float(number) if number.is_finite() => number.into(),
        Value::Float(number) => return Err(format!("{number} isn't a finite number")),
        Value::Boolean(value) => value.into(),
        Value::Datetime(time) => return Err(format!("{time} is a time, which no bank has")),
        Value::Array(values) => values.into_iter().map(plain).collect::<std::result::Result<_, _>>()?,
        Value::Table(_) => return Err("a table, which no bank has".to_owned()),
    })
}

/// What is wrong with a key that is for banks that it `fits`, which `bank` isn't.
fn only_for<T>(
    file: &StudyText,
    place: &Spanned<T>,
    key: &str,
    bank: &BankConfig,
    fits: impl Fn(&BankConfig) -> bool,
) -> crate::Error {
    let families = families();
    let fitting: Vec<&str> = families.iter().filter(|bank| fits(bank)).map(BankConfig::name).collect();
    let message = format!("{key} is for {} only, but the bank here is {}", fitting.join(", "), bank.name());
    file.error(place, message)
}

/// What the file says, or the default.
fn given<T: Copy>(value: &Option<Spanned<T>>, default: T) -> T {
    value.as_ref().map_or(default, |value| *value.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::RESERVED_KEYS;

    #[test]
    fn no_bank_can_have_a_key_of_all_arms() {
        let error = toml::from_str::<ArmFile>("name = \"a\"\nnone-such = 1").unwrap_err();
        // The message names every key that an arm has.
        let keys: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
        assert!(keys.len() > 12, "{error}");
        assert!(keys.iter().all(|key| RESERVED_KEYS.contains(key)), "{keys:?}");
    }
}
