//! Options whose values are the library's, by name.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use equisplit::data::Source;
use equisplit::report::TableFormat;
use equisplit::report::{figure, tidy};
use equisplit::train::DeviceChoice;

/// A type with few values.
pub trait Choice: Copy + Send + Sync + 'static {
    /// Every value: its name, what `--help` says of it, and itself.
    const VALUES: &'static [(&'static str, &'static str, Self)];
}

/// Parses a value by its name.
pub fn choice<T: Choice>() -> impl TypedValueParser<Value = T> {
    let named = |(name, help, _): &(&'static str, &'static str, T)| PossibleValue::new(*name).help(*help);
    PossibleValuesParser::new(T::VALUES.iter().map(named)).try_map(|name| {
        let found = T::VALUES.iter().find(|(known, ..)| **known == name);
        found.map(|(.., value)| *value).ok_or(format!("{name:?} isn't one of the values"))
    })
}

impl Choice for DeviceChoice {
    const VALUES: &'static [(&'static str, &'static str, Self)] = &[
        ("auto", "The first CUDA device if the program is built for it and can use one, else the CPU", Self::Auto),
        ("cpu", "The CPU", Self::Cpu),
        ("cuda", "The first CUDA device", Self::Cuda),
    ];
}

impl Choice for Source {
    const VALUES: &'static [(&'static str, &'static str, Self)] = &[
        ("builtin", "Digits that the program draws itself", Self::Builtin),
        ("mnist", "MNIST, or another set in its format", Self::Mnist),
        ("mnist-rot", "Rotated digits made from MNIST", Self::MnistRot),
        ("amat", "The original rot-MNIST text files", Self::Amat),
        ("npz", "Any images, as NumPy archives", Self::Npz),
        ("idx", "A set in MNIST's format under names of its own", Self::Idx),
        ("cifar10", "CIFAR-10 in its binary form", Self::Cifar10),
        ("cifar100", "CIFAR-100 in its binary form", Self::Cifar100),
        ("images", "PNG and JPEG files, a folder for each class", Self::Images),
    ];
}

impl Choice for TableFormat {
    const VALUES: &'static [(&'static str, &'static str, Self)] = &[
        ("markdown", "For repositories and issues", Self::Markdown),
        (
            "csv",
            "Unrounded, one row a number, for notebooks: of the attribution alone. Text that a spreadsheet would take for a formula has an \
             apostrophe in front",
            Self::Csv,
        ),
        ("latex", "For papers; needs \\usepackage{booktabs}", Self::Latex),
    ];
}

impl Choice for tidy::Format {
    const VALUES: &'static [(&'static str, &'static str, Self)] = &[
        (
            "csv",
            "Comma-separated values with a header (RFC 4180); missing values are empty. Text that a spreadsheet would take for a formula \
             has an apostrophe in front",
            Self::Csv,
        ),
        ("jsonl", "One JSON object a line; missing values are null", Self::Jsonl),
        ("parquet", "Apache Parquet, one row group", Self::Parquet),
    ];
}

impl Choice for figure::Format {
    const VALUES: &'static [(&'static str, &'static str, Self)] = &[
        ("svg", "Vector graphics for the web and for editing", Self::Svg),
        ("png", "Pixels, 600 a inch", Self::Png),
        ("pdf", "Vector graphics for LaTeX", Self::Pdf),
    ];
}
