//! Rotated digits made from MNIST by our own recipe.
//!
//! Larochelle et al. (ICML 2007) drew 62,000 of MNIST's 70,000 digits and rotated each by an angle uniform in [0, 2π). This
//! recipe does the same with a seed that anyone can repeat; which digits and angles the original set has is not known, so
//! this is a set of its own and never called the original.
//!
//! All images, training before test, are shuffled once. Training images are taken from the front of that order and test
//! images from its back, so that they never overlap and a smaller set is the beginning of a larger one.

use std::f64::consts::TAU;
use std::path::Path;

use rand::RngExt;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::images::wanted;
use super::rotate::rotate;
use super::{Dataset, Images, cache, hash, idx};
use crate::error::{Error, Result};
use crate::rng;

/// Reads the IDX files of `folder` and makes the rotated set from them, or takes it from the folder's cache.
///
/// # Errors
/// Files that can't be read, a size of 0, or `train` + `test` more than there are images.
pub fn load(folder: &Path, seed: u64, train: usize, test: usize) -> Result<Dataset> {
    let upright = idx::read_folder(folder)?;
    check_sizes(&upright, train, test)?;
    let fingerprint = fingerprint(&upright, seed, train, test);
    cache::cached(folder, &fingerprint, || make(&upright, seed, train, test))
}

/// Makes the rotated set from a set in memory; see the module for the recipe.
///
/// # Errors
/// A size of 0, or `train` + `test` more than there are images.
pub fn make(upright: &idx::Folder, seed: u64, train: usize, test: usize) -> Result<Dataset> {
    let total = check_sizes(upright, train, test)?;
    let [order, test_order] = orders(total, [train, test], seed);
    let set = upright.published_name().unwrap_or("IDX images");
    Ok(Dataset {
        name: format!("rotated {set} (own draw, seed {seed})"),
        fingerprint: fingerprint(upright, seed, train, test),
        classes: upright.classes(),
        train: rotated(upright, &order, seed),
        test: rotated(upright, &test_order, seed),
    })
}

/// The places of the training and of the test images among `total` images, training before test.
pub(super) fn orders(total: usize, [train, test]: [usize; 2], seed: u64) -> [Vec<usize>; 2] {
    let mut order: Vec<usize> = (0..total).collect();
    order.shuffle(&mut rng::stream(seed, "mnist-rot/order"));
    let test_order = order.iter().rev().take(test).copied().collect();
    order.truncate(train);
    [order, test_order]
}

fn check_sizes(upright: &idx::Folder, train: usize, test: usize) -> Result<usize> {
    let total = upright.train.len() + upright.test.len();
    wanted("train", Some(train), total)?;
    wanted("test", Some(test), total)?;
    if train > total - test {
        let message = format!(
            "= {train} and data.test = {test} (12000 and 50000 by default), but there are only {total} images for both"
        );
        return Err(Error::key("data", "train", message));
    }
    Ok(total)
}

/// The fingerprint of the set that [`make`] would make.
pub(super) fn fingerprint(upright: &idx::Folder, seed: u64, train: usize, test: usize) -> String {
    let recipe = format!("mnist-rot, recipe 1: seed {seed}, {train} train, {test} test");
    hash::fingerprint(upright.sha256.iter().map(String::as_str).chain([recipe.as_str()]))
}

/// The images at `order` of training and test images in a row, each rotated by an angle of its own stream.
fn rotated(upright: &idx::Folder, order: &[usize], seed: u64) -> Images {
    let first_test = upright.train.len();
    let source = |i: usize| if i < first_test { (&upright.train, i) } else { (&upright.test, i - first_test) };
    let Images { height, width, .. } = upright.train;
    let mut pixels = vec![0.0; order.len() * height * width];
    pixels.par_chunks_exact_mut(height * width).zip(order).for_each(|(out, &i)| {
        let (images, at) = source(i);
        let angle = rng::stream(seed, &format!("mnist-rot/angle/{i}")).random::<f64>() * TAU;
        rotate(&images.image(at), height, width, angle, out);
    });
    let labels = order.iter().map(|&i| source(i)).map(|(images, at)| images.labels[at]).collect();
    Images { channels: 1, height, width, pixels: pixels.into(), labels }
}
