//! Maps that go two ways at once and are added where these meet, as in residual networks (He et al. 2016); and non-linearities by
//! themselves, as one that follows such a sum.
//!
//! Each branch has a tape of its own. On the way back the gradient of the sum goes along both tapes, and what comes out of them is
//! added once. Sums that were taken for a norm don't pass a fork: of a gradient that is only a branch's share they'd be wrong.

use candle_core::backprop::GradStore;
use candle_core::{Error, Tensor};

use super::feature_map::{FeatureMap, Storage, Tape};
use super::lanes::norm::{Affine, InputGradient};
use super::lanes::{Activation, Lanes, add, add_when_read, norm};
use super::operators::activate;

impl FeatureMap {
    /// The sum of what two branches make of these maps.
    ///
    /// # Errors
    /// Those of the branches, and when their outputs differ in shape.
    pub fn branches<E: From<Error>>(
        self,
        main: impl FnOnce(Self) -> Result<Self, E>,
        shortcut: impl FnOnce(Self) -> Result<Self, E>,
    ) -> Result<Self, E> {
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => {
                let [main, shortcut] = [main(Self::from_tensor(&tensor))?, shortcut(Self::from_tensor(&tensor))?];
                return Ok(Self(Storage::Tensor(sum(&main.into_tensor()?, &shortcut.into_tensor()?)?)));
            }
            Storage::Lanes(lanes, tape) => (lanes.shared(), tape),
        };
        let start = || Self(Storage::Lanes(lanes.clone().forgetting(), tape.is_some().then(Tape::default)));
        let (main, main_tape) = main(start())?.in_lanes()?;
        let (shortcut, shortcut_tape) = shortcut(start())?.in_lanes()?;
        check(dims(&main), dims(&shortcut))?;
        let Some(tape) = tape else {
            return Ok(Self(Storage::Lanes(add_when_read(main, shortcut), None)));
        };
        let output = add(&main, &shortcut, None);
        let tapes = [main_tape, shortcut_tape].map(Option::unwrap_or_default);
        let pullback = move |gradient: Lanes, of_input: bool| {
            let gradient = gradient.stored().forgetting();
            let (mut of_parameters, [main, shortcut]) = (GradStore::default(), tapes);
            let main = main.back(gradient.clone(), of_input, &mut of_parameters)?;
            let shortcut = shortcut.back(gradient, of_input, &mut of_parameters)?;
            let of_maps = main.zip(shortcut).filter(|_| of_input);
            Ok((of_maps.map(|(main, shortcut)| add(&main, &shortcut, lanes.gradients_watch())), of_parameters))
        };
        Ok(Self(Storage::Lanes(output, Some(tape.with(pullback)))))
    }

    /// The non-linearity, entry by entry.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn activate(self, activation: Activation) -> candle_core::Result<Self> {
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => return Ok(Self(Storage::Tensor(activate(&tensor, activation)?))),
            storage if activation == Activation::Identity => return Ok(Self(storage)),
            Storage::Lanes(lanes, None) => (lanes, None),
            Storage::Lanes(lanes, tape) => (lanes.stored(), tape),
        };
        let affine = Affine { slope: vec![1.0], offset: vec![0.0], activation };
        let output = norm::apply(&lanes, &affine);
        let pullback = move |gradient: Lanes, of_input: bool| {
            let factors = InputGradient { of_gradient: vec![1.0], of_input: vec![0.0], constant: vec![0.0] };
            Ok((of_input.then(|| norm::input_gradient(&lanes, &gradient, &affine, &factors)), GradStore::default()))
        };
        Ok(Self(Storage::Lanes(output, tape.map(|tape| tape.with(pullback)))))
    }
}

fn dims(lanes: &Lanes) -> [usize; 4] {
    let shape = lanes.shape();
    [shape.batch, shape.maps, shape.size[0], shape.size[1]]
}

fn check(main: [usize; 4], shortcut: [usize; 4]) -> candle_core::Result<()> {
    if main != shortcut {
        candle_core::bail!("branches that give {main:?} and {shortcut:?} can't be added")
    }
    Ok(())
}

fn sum(main: &Tensor, shortcut: &Tensor) -> candle_core::Result<Tensor> {
    check(main.dims4()?.into(), shortcut.dims4()?.into())?;
    main + shortcut
}
