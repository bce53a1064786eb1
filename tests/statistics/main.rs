//! What is concluded from finished runs.

mod attribution;
mod bootstrap;
mod comparisons;
mod coverage;
mod fieller;
mod published;
mod several;
mod stats_support;
