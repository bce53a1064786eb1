//! What a format of tables is.

use super::Tables;
use crate::error::Result;

/// A format of tables.
pub trait Export {
    /// The tables as text that ends with a newline.
    ///
    /// # Errors
    /// When they can't be written in this format.
    fn export(&self, tables: &Tables) -> Result<String>;
}
