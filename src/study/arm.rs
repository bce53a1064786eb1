//! The arms of a study file.

use serde::Deserialize;
use toml::Spanned;

use super::file::ModelFile;
use super::{StudyFile, TrainingFile};
use crate::bank::Scramble;
use crate::error::Result;
use crate::model::{
    Cost, Family, GroupPooling, InputShape, NetConfig, Network, PRESETS, Skeleton, Symmetry, match_maps, match_widths,
};
use crate::nn::NormSharing;

/// An `[[arm]]` table: a preset and what differs from it. The keys are those of [`NetConfig`] unless they say otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ArmFile {
    /// Name of the arm, and of its folder in the store.
    pub name: Spanned<String>,
    /// Which network to start from, see [`PRESETS`]; the name by default.
    pub preset: Option<Spanned<String>>,
    pub skeleton: Option<Skeleton>,
    pub bank: Option<Family>,
    /// One width for all layers.
    pub width: Option<Spanned<usize>>,
    pub widths: Option<Spanned<Vec<usize>>>,
    /// The arm whose number of real parameters the widths are chosen for.
    #[serde(rename = "match")]
    pub matches: Option<Spanned<String>>,
    /// The arm whose multiply-adds are matched: by the maps after repetition where the bank repeats, else by the widths.
    pub match_multiply_adds: Option<Spanned<String>>,
    pub scale: Option<Spanned<usize>>,
    pub maps: Option<Spanned<Vec<usize>>>,
    pub group_pooling: Option<Spanned<GroupPooling>>,
    pub pool_every_layer: Option<Spanned<bool>>,
    pub mimics: Option<Spanned<Symmetry>>,
    pub scramble: Option<Spanned<Scramble>>,
    /// Seed of the scrambles; by default the seed of each run, so that the runs of an arm differ in them too.
    pub scramble_seed: Option<Spanned<u64>>,
    pub keep: Option<Spanned<f64>>,
    pub dropout: Option<f64>,
    pub norm: Option<NormSharing>,
    /// Number of training images, drawn anew for every seed; all by default.
    pub train: Option<Spanned<usize>>,
    /// What differs from the study's `[training]`.
    #[serde(default)]
    pub training: TrainingFile,
}

impl ArmFile {
    /// The network that the arm asks for, before any matching.
    pub(super) fn network(&self, file: &StudyFile) -> Result<NetConfig> {
        let ModelFile { skeleton, initialisation } = file.content.model;
        let name = self.preset.as_ref().unwrap_or(&self.name);
        let skeleton = self.skeleton.unwrap_or(skeleton);
        let mut net = match (NetConfig::preset(name.as_ref()), self.bank) {
            (Some(preset), _) => preset.on(skeleton),
            (None, Some(bank)) if self.preset.is_none() => NetConfig::uniform(skeleton, bank, 0),
            _ => {
                let known = PRESETS.join(", ");
                let message =
                    format!("unknown arm {:?}: its preset is one of {known}, or it has a bank", name.as_ref());
                return Err(file.error(name, message));
            }
        };
        net.initialisation = initialisation;
        net.bank = self.bank.unwrap_or(net.bank);
        self.check_keys(file, net.bank)?;
        net.scale = given(&self.scale, net.scale);
        net.maps = self.maps.as_ref().map(|maps| maps.as_ref().clone());
        net.group_pooling = given(&self.group_pooling, net.group_pooling);
        net.pool_every_layer = given(&self.pool_every_layer, net.pool_every_layer);
        net.mimics = given(&self.mimics, net.mimics);
        net.scramble = given(&self.scramble, net.scramble);
        net.scramble_seed = given(&self.scramble_seed, net.scramble_seed);
        net.keep = given(&self.keep, net.keep);
        net.dropout = self.dropout.unwrap_or(net.dropout);
        net.norm = self.norm.unwrap_or(net.norm);
        match (&self.width, &self.widths) {
            (Some(width), None) => net.widths = vec![*width.as_ref(); skeleton.hidden_layers()],
            (None, Some(widths)) => net.widths = widths.as_ref().clone(),
            (Some(width), Some(_)) => return Err(file.error(width, "width and widths can't both be given")),
            (None, None) if net.widths.contains(&0) && !self.finds_widths(net.bank) => {
                return Err(file.error(&self.name, "an arm without a preset needs width, widths or match"));
            }
            (None, None) => {}
        }
        Ok(net)
    }

    /// Whether matching finds the widths.
    fn finds_widths(&self, bank: Family) -> bool {
        self.matches.is_some() || self.match_multiply_adds.is_some() && !bank.rescales()
    }

    /// Whether the arm's size follows another's.
    pub(super) fn is_matched(&self) -> bool {
        self.matches.is_some() || self.match_multiply_adds.is_some()
    }

    /// `net` with the widths or maps that match the cost of the arms that `target` finds, if the arm asks for that.
    pub(super) fn matched(
        &self,
        file: &StudyFile,
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
            move |e: crate::Error| file.error(&name, format!("{}, which this arm matches: {e}", name.as_ref()))
        };
        if let Some(name) = self.matches.as_ref().or(self.match_multiply_adds.as_ref())
            && self.finds_widths(net.bank)
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

    /// Refuses keys that the arm's bank would ignore.
    fn check_keys(&self, file: &StudyFile, bank: Family) -> Result<()> {
        let has_group = bank.symmetry(Symmetry::default()).is_some();
        let scrambled = bank == Family::Scrambled;
        let checks = [
            (
                "scale",
                self.scale.as_ref().map(Spanned::span),
                bank.rescales(),
                "banks that rescale (repeat-*, random-mask)",
            ),
            (
                "maps",
                self.maps.as_ref().map(Spanned::span),
                bank.rescales(),
                "banks that rescale (repeat-*, random-mask)",
            ),
            ("group_pooling", self.group_pooling.as_ref().map(Spanned::span), has_group, "p4, p4m and scrambled"),
            ("pool_every_layer", self.pool_every_layer.as_ref().map(Spanned::span), has_group, "p4, p4m and scrambled"),
            ("mimics", self.mimics.as_ref().map(Spanned::span), scrambled, "scrambled"),
            ("scramble", self.scramble.as_ref().map(Spanned::span), scrambled, "scrambled"),
            ("scramble_seed", self.scramble_seed.as_ref().map(Spanned::span), scrambled, "scrambled"),
            ("keep", self.keep.as_ref().map(Spanned::span), bank == Family::RepeatDrop, "repeat-drop"),
        ];
        for (key, span, fits, wanted) in checks {
            if let (Some(span), false) = (span, fits) {
                let message = format!("{key} is for {wanted} only, but the bank here is {}", bank.name());
                return Err(file.error(&Spanned::new(span, ()), message));
            }
        }
        Ok(())
    }
}

/// What the file says, or the default.
fn given<T: Copy>(value: &Option<Spanned<T>>, default: T) -> T {
    value.as_ref().map_or(default, |value| *value.as_ref())
}
