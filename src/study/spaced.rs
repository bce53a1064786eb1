//! Lists of whole numbers as one string, "7 2 1": a line of an indented JSON file instead of as many as there are numbers.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de};

pub fn serialize<T: Display, S: Serializer>(numbers: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let words: Vec<String> = numbers.iter().map(T::to_string).collect();
    serializer.serialize_str(&words.join(" "))
}

pub fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T::Err: Display,
{
    let text = String::deserialize(deserializer)?;
    let number = |word: &str| word.parse().map_err(|e| de::Error::custom(format!("{word:?} is no number here: {e}")));
    text.split_ascii_whitespace().map(number).collect()
}
