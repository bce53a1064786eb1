//! Augmentation in words, for whoever looks at what it does.

use std::fmt::{Display, Formatter, Result};

use super::{AffineStep, Angles, Augmentation, CropStep, Flip, Published, Step, Turn};

impl Display for Augmentation {
    /// As "turns within ±20°, then horizontal flips"; "none".
    fn fmt(&self, f: &mut Formatter) -> Result {
        let words: Vec<String> = match self {
            Self::Published(Published { rotate, flip }) => {
                let turns = rotate.then(|| "turns by any angle of the image enlarged threefold".to_owned());
                turns.into_iter().chain(flip.then(|| "flips both ways".to_owned())).collect()
            }
            Self::Steps(steps) => steps.iter().map(Step::to_string).collect(),
        };
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(", then "))
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Self::Rotate(Turn::Angles(Angles::Any)) => f.write_str("turns by any angle"),
            Self::Rotate(Turn::Angles(Angles::Quarter)) => f.write_str("quarter turns"),
            Self::Rotate(Turn::Within(degrees)) => write!(f, "turns within ±{degrees}°"),
            Self::Flip(Flip::Horizontal) => f.write_str("horizontal flips"),
            Self::Flip(Flip::Vertical) => f.write_str("vertical flips"),
            Self::Flip(Flip::Both) => f.write_str("flips both ways"),
            Self::Crop(CropStep { padding }) => write!(f, "crops out of {padding} pixels of padding"),
            Self::Resize(to) => {
                let [rows, columns] = to.size();
                write!(f, "{rows}×{columns} pixels of which the middle is seen")
            }
            Self::Affine(affine) => affine.fmt(f),
        }
    }
}

impl Display for AffineStep {
    fn fmt(&self, f: &mut Formatter) -> Result {
        let Self { degrees, scale: [least, most], shear, shift } = *self;
        let parts = [
            (degrees > 0.0).then(|| format!("turns within ±{degrees}°")),
            ([least, most] != [1.0, 1.0]).then(|| format!("scales of {least} to {most}")),
            (shear > 0.0).then(|| format!("shears within ±{shear}°")),
            (shift > 0.0).then(|| format!("shifts within ±{shift} pixels")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        // A map whose ranges are all left out leaves images as they are.
        f.write_str(if parts.is_empty() { "an affine map that changes nothing" } else { "" })?;
        f.write_str(&parts.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(toml: &str) -> String {
        #[derive(serde::Deserialize)]
        struct Table {
            augmentation: Augmentation,
        }
        toml::from_str::<Table>(&format!("augmentation = {toml}")).unwrap().augmentation.to_string()
    }

    #[test]
    fn every_step_is_told_in_its_order() {
        assert_eq!(Augmentation::default().to_string(), "none");
        assert_eq!(words("[]"), "none");
        let published = words("{ rotate = true, flip = true }");
        assert_eq!(published, "turns by any angle of the image enlarged threefold, then flips both ways");
        let steps = "[{ rotate = \"any\" }, { rotate = 20 }, { flip = \"horizontal\" }, { crop = { padding = 4 } }]";
        let known =
            "turns by any angle, then turns within ±20°, then horizontal flips, then crops out of 4 pixels of padding";
        assert_eq!(words(steps), known);
        let affine = words("[{ affine = { degrees = 20, scale = [0.8, 1.2], shear = 2.5, shift = 3 } }]");
        let known = "turns within ±20° and scales of 0.8 to 1.2 and shears within ±2.5° and shifts within ±3 pixels";
        assert_eq!(affine, known);
        assert_eq!(words("[{ resize = 36 }]"), "36×36 pixels of which the middle is seen");
        assert_eq!(words("[{ affine = {} }]"), "an affine map that changes nothing");
    }
}
