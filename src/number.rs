//! Numbers as people write them into files: what isn't one is told in words, without the names of Rust's types.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use toml::Spanned;

/// For serde's `deserialize_with`, on a number or an option, a list or a `toml::Spanned` of numbers.
///
/// # Errors
/// Where something else stands, or a number of another kind.
pub fn told<'de, D: Deserializer<'de>, T: Told>(deserializer: D) -> Result<T, D::Error> {
    T::Raw::deserialize(deserializer).map(T::from_raw)
}

/// For serde's `deserialize_with`, on an array of so many numbers: serde leaves out what a list has beyond them.
///
/// # Errors
/// Where something else stands, or another number of numbers.
pub fn exactly<'de, D: Deserializer<'de>, T: Told, const N: usize>(deserializer: D) -> Result<[T; N], D::Error> {
    let list: Vec<T::Raw> = Vec::deserialize(deserializer)?;
    let found = list.len();
    let list: Vec<T> = list.into_iter().map(T::from_raw).collect();
    list.try_into().map_err(|_| de::Error::custom(format!("{found} numbers, but expected {N}")))
}

/// What [`told`] reads.
pub trait Told {
    /// What it's read as.
    type Raw: for<'de> Deserialize<'de>;

    /// What it is.
    fn from_raw(raw: Self::Raw) -> Self;
}

/// A number that says itself what it must be.
pub struct Number<T>(T);

/// A kind of number.
pub trait Kind: Sized {
    /// What a file must have there.
    const WANTED: &'static str;

    /// From a whole number.
    fn from_whole(number: i128) -> Option<Self>;

    /// From any other.
    fn from_real(number: f64) -> Option<Self>;
}

impl<'de, T: Kind> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor(PhantomData)).map(Self)
    }
}

struct NumberVisitor<T>(PhantomData<T>);

impl<T: Kind> Visitor<'_> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(T::WANTED)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::from_whole(number.into()).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::from_whole(number.into()).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        T::from_real(number).ok_or_else(|| E::invalid_type(de::Unexpected::Float(number), &self))
    }
}

macro_rules! kinds {
    ($($number:ty, $wanted:literal, $whole:expr, $real:expr;)*) => {$(
        impl Kind for $number {
            const WANTED: &'static str = $wanted;

            fn from_whole(number: i128) -> Option<Self> {
                $whole(number)
            }

            fn from_real(number: f64) -> Option<Self> {
                $real(number)
            }
        }

        impl Told for $number {
            type Raw = Number<Self>;

            fn from_raw(raw: Number<Self>) -> Self {
                raw.0
            }
        }
    )*};
}

kinds! {
    usize, "a whole number, at least 0", |number: i128| number.try_into().ok(), |_| None;
    u64, "a whole number, at least 0", |number: i128| number.try_into().ok(), |_| None;
    u32, "a whole number, at least 0", |number: i128| number.try_into().ok(), |_| None;
    f64, "a number", |number: i128| Some(number as f64), Some;
}

impl<T: Told> Told for Option<T> {
    type Raw = Option<T::Raw>;

    fn from_raw(raw: Self::Raw) -> Self {
        raw.map(T::from_raw)
    }
}

impl<T: Told> Told for Vec<T> {
    type Raw = Vec<T::Raw>;

    fn from_raw(raw: Self::Raw) -> Self {
        raw.into_iter().map(T::from_raw).collect()
    }
}

impl<T: Told> Told for Spanned<T> {
    type Raw = Spanned<T::Raw>;

    fn from_raw(raw: Self::Raw) -> Self {
        Spanned::new(raw.span(), T::from_raw(raw.into_inner()))
    }
}
