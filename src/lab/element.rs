//! What one element of a group shows of a map, and where.

use serde::Serialize;

/// The violation of equivariance under one element.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ElementError {
    /// What the element is called (see [`crate::group::PointGroup::element_name`]), or "shift (rows, columns)".
    pub element: String,
    /// Whether the element changes x. Where it doesn't, f(g·x) = f(x) says nothing of f.
    pub tested: bool,
    /// max |f(g·x) − g·f(x)| relative to [`EquivarianceReport::scale`](super::EquivarianceReport::scale); infinite where one of them isn't a finite number.
    pub error: f64,
    /// ‖f(g·x) − g·f(x)‖ / ‖f(x)‖ over all images, maps and pixels together, as Gruver et al. (2023) measure learned
    /// equivariance.
    pub norm_error: f64,
    /// ‖f(g·x) − g·f(x)‖ relative to ‖f(x) − f(x′)‖, both root mean squares over the images x and over pairs of different
    /// images: 0 where f commutes with g, 1 where a turned image leads as far away as another image does. Unlike
    /// `norm_error` it isn't small for a network that says much the same of every image, as new ones do. `None` where all
    /// images lead to the same.
    pub image_error: Option<f64>,
    /// Where the difference is largest.
    pub at: FieldIndex,
}

/// An entry of (batch, maps, height, width), all counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FieldIndex {
    /// The image of the batch.
    pub image: usize,
    /// The field, or channel.
    pub field: usize,
    /// The map within the field: the group element of a regular field.
    pub component: usize,
    /// The row.
    pub row: usize,
    /// The column.
    pub column: usize,
}

impl FieldIndex {
    /// Of the entry `flat` of maps that are (maps, height, width), in fields of `field_size` maps.
    pub(super) fn of(flat: usize, [maps, height, width]: [usize; 3], field_size: usize) -> Self {
        let map = flat / (width * height) % maps;
        Self {
            image: flat / (width * height * maps),
            field: map / field_size,
            component: map % field_size,
            row: flat / width % height,
            column: flat % width,
        }
    }
}
