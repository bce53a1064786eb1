//! Widths that bring a network to a given cost.

use super::plan::{Budget, Plan};
use super::{InputShape, NetConfig};
use crate::error::{Error, Result};

/// Largest relative difference that counts as a match.
pub const MATCH_TOLERANCE: f64 = 0.01;

/// Up to so many layers all ways to widen some of them are tried.
const MOST_EXHAUSTIVE: usize = 12;

/// How often an interval of base widths is halved: to less than any two widths' bases are apart.
const HALVINGS: usize = 60;

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
    Search::new(config, input, cost, target, least, &with)?.nearest()
}

/// `config`, whose bank rescales, with the numbers of maps after repetition that bring its multiply-adds within
/// [`MATCH_TOLERANCE`] of `target`; its widths, and so the base that is repeated, stay.
///
/// # Errors
/// As [`match_widths`], and when `target` is below what the base costs without repetition.
pub fn match_maps(config: &NetConfig, input: InputShape, target: u64) -> Result<NetConfig> {
    let with = |maps: &[usize]| NetConfig { maps: Some(maps.to_vec()), ..config.clone() };
    Search::new(config, input, Cost::MultiplyAdds, target, config.widths.clone(), &with)?.nearest()
}

/// A search for the numbers of layers, all of which grow with one base.
struct Search<'a> {
    config: &'a NetConfig,
    input: InputShape,
    cost: Cost,
    target: u64,
    with: &'a dyn Fn(&[usize]) -> NetConfig,
    /// How much of the base each number is.
    factors: Vec<f64>,
    /// The least that each can be.
    least: Vec<usize>,
}

impl<'a> Search<'a> {
    fn new(
        config: &'a NetConfig,
        input: InputShape,
        cost: Cost,
        target: u64,
        least: Vec<usize>,
        with: &'a dyn Fn(&[usize]) -> NetConfig,
    ) -> Result<Self> {
        let factors = config.skeleton.steps().factors()?;
        if factors.is_empty() {
            let message = format!("{} has no layer whose width could be chosen", config.skeleton.name());
            return Err(Error::invalid(message));
        }
        Ok(Self { config, input, cost, target, with, factors, least })
    }

    /// The least base at which no number is below its least.
    fn lowest(&self) -> f64 {
        self.factors.iter().zip(&self.least).map(|(factor, least)| *least as f64 / factor).fold(0.0, f64::max)
    }

    fn numbers(&self, base: f64) -> Vec<usize> {
        self.factors.iter().map(|factor| (factor * base + 1e-9) as usize).collect()
    }

    fn figure(&self, numbers: &[usize]) -> Result<u64> {
        Ok(self.cost.of(&Plan::new(&(self.with)(numbers), self.input)?.budget))
    }

    fn difference(&self, found: u64) -> f64 {
        found.abs_diff(self.target) as f64 / self.target.max(1) as f64
    }

    /// The numbers of the largest base that costs no more than `target`, and of the next one.
    fn neighbours(&self) -> Result<[Vec<usize>; 2]> {
        let lowest = self.lowest();
        // What is wrong with the network whatever its widths is told here; beyond it's numbers that no network has.
        self.figure(&self.numbers(lowest))?;
        let is_low = |base: f64| self.figure(&self.numbers(base)).is_ok_and(|found| found <= self.target);
        let (mut low, mut high) = (lowest, 2.0 * lowest);
        while is_low(high) {
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
        let [low, high] = self.neighbours()?;
        for uniform in [&low, &high] {
            if self.figure(uniform).is_ok_and(|found| self.difference(found) <= MATCH_TOLERANCE) {
                return Ok((self.with)(uniform));
            }
        }
        let moves = self.moves(&low, &high)?;
        let best =
            if moves.len() <= MOST_EXHAUSTIVE { self.best_of_all(&low, &moves) } else { self.greedy(&low, &moves) };
        let numbers = if self.is_match(&best) { best } else { self.refined(best, &moves) };
        let found = self.figure(&numbers)?;
        if self.difference(found) <= MATCH_TOLERANCE {
            return Ok((self.with)(&numbers));
        }
        Err(Error::invalid(format!(
            "no widths bring {} within {:.0} % of {} {}; the nearest have {found}: `widths = {numbers:?}` asks for them",
            self.config.bank.name(),
            100.0 * MATCH_TOLERANCE,
            self.target,
            self.cost.name(),
        )))
    }

    fn is_match(&self, numbers: &[usize]) -> bool {
        self.figure(numbers).is_ok_and(|found| self.difference(found) <= MATCH_TOLERANCE)
    }

    /// Some layers one wider, others one narrower, as long as that comes nearer and no match is found: where a network has few
    /// layers, two neighbouring widths leave gaps.
    fn refined(&self, mut numbers: Vec<usize>, moves: &[Vec<(usize, usize)>]) -> Vec<usize> {
        let difference = |numbers: &[usize]| self.figure(numbers).map_or(f64::INFINITY, |found| self.difference(found));
        let shifted = |numbers: &[usize], moved: usize, up: bool| -> Option<Vec<usize>> {
            let mut numbers = numbers.to_vec();
            for &(place, _) in &moves[moved] {
                let number = if up { numbers[place] + 1 } else { numbers[place] - 1 };
                numbers[place] = (number >= self.least[place].max(1)).then_some(number)?;
            }
            Some(numbers)
        };
        let mut best = difference(&numbers);
        while best > MATCH_TOLERANCE {
            let single = (0..moves.len()).flat_map(|moved| [true, false].map(|up| shifted(&numbers, moved, up)));
            let pairs = (0..moves.len()).flat_map(|up| (0..moves.len()).map(move |down| (up, down)));
            let pairs = pairs.map(|(up, down)| shifted(&shifted(&numbers, up, true)?, down, false));
            let next = single.chain(pairs).flatten();
            let next = next.map(|numbers| (difference(&numbers), numbers)).min_by(|a, b| a.0.total_cmp(&b.0));
            match next {
                Some((nearer, found)) if nearer < best => (best, numbers) = (nearer, found),
                _ => break,
            }
        }
        numbers
    }

    /// What can be changed by itself: places, and their higher numbers. Layers whose maps are added move together.
    fn moves(&self, low: &[usize], high: &[usize]) -> Result<Vec<Vec<(usize, usize)>>> {
        let ties = Plan::new(&(self.with)(low), self.input)?.ties;
        let roots = (0..ties.len()).filter(|&place| ties[place] == place);
        let of_root = |root: usize| {
            let tied = (0..ties.len()).filter(|&place| ties[place] == root && high[place] > low[place]);
            tied.map(|place| (place, high[place])).collect::<Vec<_>>()
        };
        Ok(roots.map(of_root).filter(|places| !places.is_empty()).collect())
    }

    /// Of all ways to make some moves the one that comes nearest, the first of equals.
    fn best_of_all(&self, low: &[usize], moves: &[Vec<(usize, usize)>]) -> Vec<usize> {
        let mut best = (f64::INFINITY, low.to_vec());
        for chosen in 0..1u64 << moves.len() {
            let made = moves.iter().enumerate().filter(|(n, _)| chosen >> n & 1 == 1);
            let numbers = made.fold(low.to_vec(), |numbers, (_, places)| moved(&numbers, places));
            if let Ok(found) = self.figure(&numbers)
                && self.difference(found) < best.0
            {
                best = (self.difference(found), numbers);
            }
        }
        best.1
    }

    /// One move after the other, each the one that comes nearest, as long as one does.
    fn greedy(&self, low: &[usize], moves: &[Vec<(usize, usize)>]) -> Vec<usize> {
        let difference = |numbers: &[usize]| self.figure(numbers).map_or(f64::INFINITY, |found| self.difference(found));
        let mut left: Vec<_> = moves.iter().collect();
        let mut best = (difference(low), low.to_vec());
        loop {
            let next = left.iter().enumerate().map(|(n, places)| (n, moved(&best.1, places)));
            let next = next.map(|(n, numbers)| (difference(&numbers), numbers, n)).min_by(|a, b| a.0.total_cmp(&b.0));
            match next {
                Some((difference, numbers, n)) if difference < best.0 => {
                    best = (difference, numbers);
                    left.remove(n);
                }
                _ => return best.1,
            }
        }
    }
}

fn moved(numbers: &[usize], places: &[(usize, usize)]) -> Vec<usize> {
    let mut numbers = numbers.to_vec();
    places.iter().for_each(|&(place, number)| numbers[place] = number);
    numbers
}
