//! The one error type of the crate: every variant says where it happened and what would be right.

use std::path::{Path, PathBuf};

use crate::text;

/// Result of every fallible function of the crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with the file or key it is about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to read or write a path.
    #[error("{}: {source}", text::path(path))]
    Io {
        /// The file or folder that was asked for.
        path: PathBuf,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// A file could be read, but its content is not what it should be.
    #[error("{}: {message}", text::path(path))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A line of a file says something that can't be.
    #[error("{}:{line}: {message}", text::path(path))]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A key of a study file has a value that can't be.
    #[error("{table}.{key} {message}")]
    Key {
        /// The table that it's in.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What is wrong and what would be right, going on from the key: "= 0, but it must be at least 1".
        message: String,
    },
    /// A request that can't be met: an unknown name, a size of 0, a budget out of reach.
    #[error("{0}")]
    Invalid(String),
    /// Training or its result isn't made of finite numbers; why.
    #[error("{0}")]
    Diverged(String),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// An [`Error::Io`] about `path`.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { path: path.as_ref().to_owned(), source }
    }

    /// An [`Error::Content`] about `path`.
    pub fn content(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::Content { path: path.as_ref().to_owned(), message: message.into() }
    }

    /// An [`Error::Key`]; the message goes on from the key.
    pub fn key(table: &'static str, key: &'static str, message: impl Into<String>) -> Self {
        Self::Key { table, key, message: message.into() }
    }

    /// An [`Error::Invalid`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}

/// As an error of candle's, for layers that are candle modules.
impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Tensor(error) => error,
            other => Self::wrap(other),
        }
    }
}
