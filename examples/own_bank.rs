//! A filter bank of one's own as an arm of a study: from TOML through training to the attribution.
//!
//! `cargo run --release --example own_bank [STUDY.toml [FOLDER]]`
//!
//! The bank makes every filter of few column and row profiles, W[o, i] = Σᵣ u[r, o, i] v[r, o, i]ᵀ, so that a wider network has
//! as many parameters as a plain one. Its arm in the study file is `bank = "low-rank"` with a key of its own, `rank`.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use equisplit::bank::{self, Bank, Family, Fan, Initial, Kind, Line, Marker, Parameter, Portrait, Site};
use equisplit::data::Draws;
use equisplit::model::InputShape;
use equisplit::study::{self, Options, Record, Store, StudyFile};
use equisplit::{Error, Result, number, report};
use serde::{Deserialize, Serialize};

/// What an arm with `bank = "low-rank"` can say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowRank {
    /// Products that a filter is the sum of.
    #[serde(deserialize_with = "number::told")]
    pub rank: usize,
}

impl Default for LowRank {
    fn default() -> Self {
        Self { rank: 1 }
    }
}

impl Family for LowRank {
    const NAME: &'static str = "low-rank";
    const PORTRAIT: Portrait = Portrait::new([122, 116, 0], Marker::Circle, Line::Even).in_words("filters of low rank");
    const WIDTH: usize = 24;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        self.check()?;
        Ok(Box::new(LowRankBank { rank: self.rank, sizes: site.sizes() }))
    }

    fn check(&self) -> Result<()> {
        match self.rank {
            1.. => Ok(()),
            0 => Err(Error::invalid("rank = 0, but a filter is the sum of at least 1 product")),
        }
    }
}

/// The bank of one convolution.
#[derive(Debug)]
struct LowRankBank {
    rank: usize,
    /// Out maps, in maps, kernel size.
    sizes: [usize; 3],
}

impl Bank for LowRankBank {
    fn filter_shape(&self) -> [usize; 4] {
        let [out_maps, in_maps, kernel] = self.sizes;
        [out_maps, in_maps, kernel, kernel]
    }

    fn parameters(&self) -> Vec<Parameter> {
        let [out_maps, in_maps, kernel] = self.sizes;
        let fan = Fan { inputs: in_maps * kernel, outputs: out_maps * kernel };
        let profile = |name, shape: [usize; 2]| Parameter {
            name,
            shape: [&[self.rank, out_maps, in_maps], shape.as_slice()].concat(),
            kind: Kind::Real,
            initial: Initial::Weight(fan),
        };
        vec![profile("column", [kernel, 1]), profile("row", [1, kernel])]
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [column, row] = bank::checked(self, values)?;
        Ok(column.broadcast_mul(row)?.sum(0)?)
    }
}

/// Runs the study, keeps its store in `folder`, and gives the answer in a sentence.
pub fn answer(study: &Path, folder: &Path) -> Result<String> {
    bank::register::<LowRank>()?;
    let file = StudyFile::read(study)?;
    let draws = Draws::load(&file.content.data, None).map_err(|e| file.text.locate(e))?;
    let first = draws.first();
    let input = InputShape::of(&first.train, first.classes);
    let study = file.resolve(input, Some(first.train.len()))?;
    let options = Options { quiet: true, ..Options::default() };
    let record = Record::new(&study, &draws, &Device::Cpu);
    let store = Store::new(folder, &study.name);
    let plan = study::plan(&record, &draws, &store, &options)?;
    study::run(plan, &record, &draws, &store, &options)?;
    let attributions = store.attribute_as(&record)?;
    Ok(attributions.iter().map(report::sentence::answer).collect::<Vec<_>>().join("\n"))
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let study = arguments.next().unwrap_or_else(|| "examples/own_bank.toml".into());
    let folder = arguments.next().unwrap_or_else(|| "runs".into());
    println!("{}", answer(&study, &folder)?);
    Ok(())
}
