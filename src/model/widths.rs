//! Widths that bring a network to a given cost.

use super::plan::{Budget, Plan};
use super::steps::scaled;
use super::{InputShape, NetConfig};
use crate::error::{Error, Result};

/// Largest relative difference that counts as a match.
pub const MATCH_TOLERANCE: f64 = 0.01;

/// Up to so many layers all ways to widen some of them by one are tried.
const MOST_EXHAUSTIVE: usize = 12;

/// The golden ratio less 1.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// How often an interval of base widths is halved: to less than any two widths' bases are apart.
const HALVINGS: usize = 60;

/// How often a base width is doubled at most: to more than any layer can have.
const MOST_DOUBLINGS: usize = 24;

/// What two networks can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The number of real parameters.
    Parameters,
    /// The multiply-adds of an image.
    MultiplyAdds,
}

impl Cost {
    /// The figure in a budget.
    pub fn of(self, budget: &Budget) -> u64 {
        match self {
            Self::Parameters => budget.parameters as u64,
            Self::MultiplyAdds => budget.multiply_adds,
        }
    }

    /// In words, for a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameters => "real parameters",
            Self::MultiplyAdds => "multiply-adds",
        }
    }
}

/// `config` with the widths that bring its `cost` within [`MATCH_TOLERANCE`] of `target`: those of one base width if one will do,
/// else those of two neighbouring ones, distributed over the layers so that the difference is smallest. Layers whose maps are added
/// keep the same width.
///
/// # Errors
/// When no such widths exist; the message has the nearest ones.
pub fn match_widths(config: &NetConfig, input: InputShape, cost: Cost, target: u64) -> Result<NetConfig> {
    let least = vec![1; config.widths.len()];
    let with = |widths: &[usize]| NetConfig { widths: widths.to_vec(), ..config.clone() };
    let factors = config.skeleton.steps().factors()?;
    Search { config, input, cost, target, key: "widths", with: &with, factors, least }.nearest()
}

/// `config`, whose bank rescales, with the numbers of maps after repetition that bring its multiply-adds within
/// [`MATCH_TOLERANCE`] of `target`: all are repeated about as often. Its widths, and so the base that is repeated, stay.
///
/// # Errors
/// As [`match_widths`], and when `target` is below what the base costs without repetition.
pub fn match_maps(config: &NetConfig, input: InputShape, target: u64) -> Result<NetConfig> {
    let with = |maps: &[usize]| NetConfig { maps: Some(maps.to_vec()), ..config.clone() };
    let (cost, least) = (Cost::MultiplyAdds, config.widths.clone());
    let factors = least.iter().map(|&width| width as f64).collect();
    Search { config, input, cost, target, key: "maps", with: &with, factors, least }.nearest()
}

/// A search for the numbers of layers, all of which grow with one base.
struct Search<'a> {
    config: &'a NetConfig,
    input: InputShape,
    cost: Cost,
    target: u64,
    /// What an arm asks for the numbers by.
    key: &'static str,
    with: &'a dyn Fn(&[usize]) -> NetConfig,
    /// How much of the base each number is.
    factors: Vec<f64>,
    /// The least that each can be.
    least: Vec<usize>,
}

impl Search<'_> {
    /// The least base at which no number is below its least.
    fn lowest(&self) -> f64 {
        self.factors.iter().zip(&self.least).map(|(factor, least)| *least as f64 / factor).fold(0.0, f64::max)
    }

    fn numbers(&self, base: f64) -> Vec<usize> {
        scaled(&self.factors, base)
    }

    fn figure(&self, numbers: &[usize]) -> Result<u64> {
        Ok(self.cost.of(&Plan::new(&(self.with)(numbers), self.input)?.budget))
    }

    /// How far the cost of these numbers is from the target, as a part of that; infinite where there's no such network.
    fn distance(&self, numbers: &[usize]) -> f64 {
        let difference = |found: u64| found.abs_diff(self.target) as f64 / self.target.max(1) as f64;
        self.figure(numbers).map_or(f64::INFINITY, difference)
    }

    /// The numbers of the largest base that costs no more than `target`, and of the next one.
    fn neighbours(&self) -> Result<[Vec<usize>; 2]> {
        let lowest = self.lowest();
        // What is wrong with the network whatever its widths is told here; beyond it's numbers that no network has. A base that isn't
        // repeated leaves some banks nothing to learn.
        self.figure(&self.numbers(lowest))
            .or_else(|error| self.figure(&self.numbers(2.0 * lowest)).map_err(|_| error))?;
        let is_low = |base: f64| self.figure(&self.numbers(base)).is_ok_and(|found| found <= self.target);
        let (mut low, mut high) = (lowest, 2.0 * lowest);
        // Where the cost doesn't depend on the numbers, no base is too high.
        for _ in 0..MOST_DOUBLINGS {
            if !is_low(high) {
                break;
            }
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if is_low(middle) { low = middle } else { high = middle }
        }
        let numbers = self.numbers(low);
        let next = self.factors.iter().zip(&numbers).map(|(factor, number)| (number + 1) as f64 / factor);
        let next = next.fold(f64::INFINITY, f64::min);
        Ok([numbers, self.numbers(next)])
    }

    fn nearest(&self) -> Result<NetConfig> {
        if self.factors.is_empty() {
            let message = format!("{} has no layer whose width could be chosen", self.config.skeleton.name());
            return Err(Error::invalid(message));
        }
        let [low, high] = self.neighbours()?;
        if let Some(uniform) = [&low, &high].into_iter().find(|numbers| self.distance(numbers) <= MATCH_TOLERANCE) {
            return Ok((self.with)(uniform));
        }
        let groups = self.groups(&low)?;
        let numbers = self.refined(self.best_of_all(low, &high, &groups), &groups);
        if self.distance(&numbers) <= MATCH_TOLERANCE {
            return Ok((self.with)(&numbers));
        }
        Err(Error::invalid(format!(
            "no {} bring {} within {:.0} % of {} {}; the nearest have {}: `{} = {numbers:?}` asks for them",
            self.key,
            self.config.bank.name(),
            100.0 * MATCH_TOLERANCE,
            self.target,
            self.cost.name(),
            self.figure(&numbers)?,
            self.key,
        )))
    }

    /// Places that change together, since their maps are added.
    fn groups(&self, numbers: &[usize]) -> Result<Vec<Vec<usize>>> {
        let ties = Plan::new(&(self.with)(numbers), self.input)?.ties;
        let of_root = |root: usize| (0..ties.len()).filter(|&place| ties[place] == root).collect::<Vec<_>>();
        Ok((0..ties.len()).map(of_root).filter(|places| !places.is_empty()).collect())
    }

    /// Of all ways to give some groups their higher numbers the one that comes nearest, the first of equals; where there are too many
    /// ways, [`Search::spread`].
    fn best_of_all(&self, low: Vec<usize>, high: &[usize], groups: &[Vec<usize>]) -> Vec<usize> {
        let rising: Vec<_> =
            groups.iter().filter(|places| places.iter().any(|&place| high[place] > low[place])).collect();
        if rising.len() > MOST_EXHAUSTIVE {
            return self.spread(low, high, &rising);
        }
        let mut best = (f64::INFINITY, low.clone());
        for chosen in 0..1u64 << rising.len() {
            let mut numbers = low.clone();
            let raised = rising.iter().enumerate().filter(|(n, _)| chosen >> n & 1 == 1);
            raised.flat_map(|(_, places)| *places).for_each(|&place| numbers[place] = high[place]);
            let distance = self.distance(&numbers);
            if distance < best.0 {
                best = (distance, numbers);
            }
        }
        best.1
    }

    /// The higher numbers for as many of the rising groups as come nearest, spread evenly over the network: the n-th of them that rises
    /// is the one at n times the golden ratio, modulo their number, or the next one that doesn't yet.
    fn spread(&self, low: Vec<usize>, high: &[usize], rising: &[&Vec<usize>]) -> Vec<usize> {
        let mut free: Vec<usize> = (0..rising.len()).collect();
        let order: Vec<usize> = (0..rising.len())
            .map(|n| {
                let wanted = ((n as f64 * GOLDEN).fract() * rising.len() as f64) as usize;
                let next = free.partition_point(|&group| group < wanted);
                free.remove(if next < free.len() { next } else { 0 })
            })
            .collect();
        let raised = |count: usize| {
            let mut numbers = low.clone();
            order[..count].iter().flat_map(|&group| rising[group]).for_each(|&place| numbers[place] = high[place]);
            numbers
        };
        // The cost grows with every group.
        let is_low = |count: &usize| self.figure(&raised(*count)).is_ok_and(|found| found <= self.target);
        let counts: Vec<usize> = (0..=rising.len()).collect();
        let last = counts.partition_point(is_low).saturating_sub(1);
        let nearest = [last, (last + 1).min(rising.len())];
        let nearest = nearest.map(raised);
        let [one, other] = nearest;
        if self.distance(&other) < self.distance(&one) { other } else { one }
    }

    /// One group wider or narrower by one, or one wider and another narrower, whichever comes nearest, as long as one does and no
    /// match is found: two neighbouring widths leave gaps where a network has few layers.
    fn refined(&self, mut numbers: Vec<usize>, groups: &[Vec<usize>]) -> Vec<usize> {
        let shifted = |mut numbers: Vec<usize>, places: &[usize], up: bool| -> Option<Vec<usize>> {
            for &place in places {
                let number = if up { numbers[place].checked_add(1) } else { numbers[place].checked_sub(1) };
                numbers[place] = number.filter(|number| *number >= self.least[place])?;
            }
            Some(numbers)
        };
        let mut distance = self.distance(&numbers);
        while distance > MATCH_TOLERANCE {
            let single = groups.iter().flat_map(|places| [true, false].map(|up| shifted(numbers.clone(), places, up)));
            let pair = |up: &Vec<usize>, down: &Vec<usize>| shifted(shifted(numbers.clone(), up, true)?, down, false);
            let pairs = groups.iter().flat_map(|up| groups.iter().map(move |down| (up, down)));
            let next = single.chain(pairs.map(|(up, down)| pair(up, down))).flatten();
            let next = next.map(|numbers| (self.distance(&numbers), numbers)).min_by(|a, b| a.0.total_cmp(&b.0));
            match next {
                Some((nearer, found)) if nearer < distance => (distance, numbers) = (nearer, found),
                _ => break,
            }
        }
        numbers
    }
}
