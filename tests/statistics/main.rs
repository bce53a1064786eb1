//! What is concluded from finished runs.

mod attribution;
mod bootstrap;
mod coverage;
mod fieller;
mod published;
