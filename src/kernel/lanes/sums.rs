//! Sums that are taken of a group of images while what was written to it is still near.

/// What takes them of the groups of some maps: a function of the group's number and floats.
#[derive(Clone, Copy)]
pub enum Watch<'a> {
    /// Of every map of an operator's output, for the norm that may follow.
    Moments(&'a MomentsWatch),
    /// Of every field of a gradient, for the norm whose output's gradient it is.
    Gradients(&'a GradientsWatch),
}

/// Takes the moments of every map.
pub type MomentsWatch = dyn Fn(usize, &[f32]) -> Vec<MomentSums> + Send + Sync;

/// Takes the sums of every field that a norm's gradient needs.
pub type GradientsWatch = dyn Fn(usize, &[f32]) -> Vec<GradientSums> + Send + Sync;

/// What a [`Watch`] has taken of a group.
pub enum Sums {
    /// By map.
    Moments(Vec<MomentSums>),
    /// By field.
    Gradients(Vec<GradientSums>),
}

/// A share of a map's or a field's entries: their number, their mean, and the sum of squared distances from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MomentSums {
    pub count: f64,
    pub mean: f64,
    pub squares: f64,
}

/// What a norm's gradient needs of a field, where x is the norm's input and g the gradient before the non-linearity behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GradientSums {
    /// Σ g
    pub plain: f64,
    /// Σ g·(x − mean)
    pub along: f64,
}

impl Watch<'_> {
    /// The sums of a group.
    pub fn sums(self, group: usize, entries: &[f32]) -> Sums {
        match self {
            Self::Moments(watch) => Sums::Moments(watch(group, entries)),
            Self::Gradients(watch) => Sums::Gradients(watch(group, entries)),
        }
    }
}

impl Sums {
    /// The moments by map, if it's those.
    pub fn moments(&self) -> Option<&[MomentSums]> {
        match self {
            Self::Moments(maps) => Some(maps),
            Self::Gradients(_) => None,
        }
    }

    /// The sums of a gradient by field, if it's those.
    pub fn gradients(&self) -> Option<&[GradientSums]> {
        match self {
            Self::Gradients(fields) => Some(fields),
            Self::Moments(_) => None,
        }
    }
}

impl MomentSums {
    /// Both shares together (Chan, Golub & LeVeque 1979).
    pub fn with(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let distance = other.mean - self.mean;
        let squares = self.squares + other.squares + distance * distance * self.count * other.count / count;
        Self { count, mean: self.mean + distance * other.count / count, squares }
    }
}

impl GradientSums {
    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self { plain: self.plain + other.plain, along: self.along + other.along }
    }
}
