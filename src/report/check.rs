//! Tables of equivariance errors for the screen.

use super::screen::lines;
use crate::lab::{
    AngleInvariance, ArmCheck, EquivarianceReport, ImagesCheck, LayerReport, LocalEquivariance, LocalError, StateCheck,
    TOLERANCE,
};

/// What stands under every table of layers.
const LEGEND: &str = "By element: max |f(g·x) − g·f(x)| of the layer alone, relative to the largest deviation of f(x) from its mean\n\
                      (r: quarter turn, m: mirror; shift: on the interior; –: f(x) shows nothing). From the image: ‖Φ(g·x) − g·Φ(x)‖ / ‖Φ(x)‖ up to the layer, mean over the elements.\n";

/// Everything about one arm: sampling grids, layers, angles.
pub fn arm(check: &ArmCheck) -> String {
    let ArmCheck { arm, bank, group, seed, grid, states, .. } = check;
    let mut parts = vec![format!("{arm} (bank {bank}, {group}, seed {seed})\n\n{grid}\n")];
    for state in states {
        parts.extend(state.images.iter().map(|images| layers(check, state, images)));
    }
    parts.push(LEGEND.to_owned());
    parts.extend(turns(states));
    parts.extend(local(states));
    parts.extend(angles(states));
    parts.push(verdict(check));
    parts.join("\n")
}

/// What columns of turns between those of the grid are.
fn turns(states: &[StateCheck]) -> Option<String> {
    let turns = &states.first()?.images.first()?.layers.first()?.turns;
    let named: Vec<String> = turns.iter().map(|turn| format!("{} {}°", turn.element, turn.degrees)).collect();
    let legend = "≈: turns that don't map the grid onto itself, ‖f(g·x) − g·f(x)‖ / ‖f(x)‖ of the layer alone in the circle that a turn leaves; \
                  bilinear interpolation is in it";
    (!turns.is_empty()).then(|| format!("{legend} ({}).\n", named.join(", ")))
}

/// What the exit code says.
fn verdict(check: &ArmCheck) -> String {
    let ArmCheck { arm, group, claims, has_exact, broken, .. } = check;
    match (claims, broken.as_slice()) {
        (true, []) if !has_exact => {
            format!(
                "{arm}: no element of {group} maps the grid onto itself, so that nothing but shifts was held against {TOLERANCE:.0e}.\n"
            )
        }
        (false, _) => format!("{arm} doesn't claim to be equivariant.\n"),
        (true, []) => format!("{arm}: every layer that claims to be equivariant is, up to {TOLERANCE:.0e}.\n"),
        (true, broken) => format!("{arm}: NOT equivariant: {}.\n", broken.join(", ")),
    }
}

/// The layers on some images, and what is worst about those that are broken.
fn layers(check: &ArmCheck, state: &StateCheck, images: &ImagesCheck) -> String {
    let names = elements(&images.layers);
    let between: Vec<&str> = images.layers.first().into_iter().flat_map(turned).collect();
    let turns: Vec<String> = between.iter().map(|element| format!("≈ {element}")).collect();
    let shown = names.iter().chain(&turns).map(String::as_str);
    let header: Vec<&str> = ["layer", ""].into_iter().chain(shown).chain(["shift", "from the image"]).collect();
    let row = |layer: &LayerReport| {
        let errors = names.iter().map(|name| error(&layer.alone, |element| element == name));
        let turns = between.iter().map(|element| {
            let turn = layer.turns.iter().find(|turn| turn.element == *element);
            turn.map_or_else(none, |turn| exponent(turn.alone))
        });
        let shift = error(&layer.alone, |element| element.starts_with("shift"));
        let from_image = layer.from_image.mean_norm_error().map_or_else(none, exponent);
        let start = [layer.layer.clone(), says(check, layer).to_owned()];
        start.into_iter().chain(errors).chain(turns).chain([shift, from_image]).collect()
    };
    let table = lines(&header, 2, images.layers.iter().map(row));
    let faults = images.layers.iter().filter(|layer| check.claims && layer.is_broken(TOLERANCE));
    let faults: String = faults.map(|layer| format!("{}: {}\n", layer.layer, layer.alone)).collect();
    format!("{} weights; images: {}\n\n{table}{faults}", state.state, images.images)
}

/// What a layer says of itself, and whether it's true.
fn says(check: &ArmCheck, layer: &LayerReport) -> &'static str {
    match (check.claims && layer.declared, layer.is_broken(TOLERANCE)) {
        (false, _) => "no claim",
        (true, false) if layer.alone.largest == 0.0 => "all zero",
        (true, false) if layer.alone.scale == 0.0 => "constant",
        (true, false) => "ok",
        (true, true) => "BROKEN",
    }
}

/// Turns between those of the grid.
fn turned(layer: &LayerReport) -> impl Iterator<Item = &str> {
    layer.turns.iter().map(|turn| turn.element.as_str())
}

/// The group elements but the identity.
fn elements(layers: &[LayerReport]) -> Vec<String> {
    let elements = layers.first().into_iter().flat_map(|layer| &layer.from_image.elements);
    elements.map(|element| element.element.clone()).filter(|name| name != "1").collect()
}

/// The largest error of the elements whose name is `wanted`; – where there are none.
fn error(report: &EquivarianceReport, wanted: impl Fn(&str) -> bool) -> String {
    let tested = report.elements.iter().filter(|element| wanted(&element.element) && element.tested);
    let errors = tested.map(|element| element.error);
    errors.reduce(f64::max).map_or_else(none, exponent)
}

/// What stands for a number that there is none of.
fn none() -> String {
    "–".to_owned()
}

fn exponent(error: f64) -> String {
    if error == 0.0 { "0".to_owned() } else { format!("{error:.0e}") }
}

fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// Lie derivatives and what every layer brings in, all states side by side.
fn local(states: &[StateCheck]) -> Option<String> {
    let found: Vec<(&str, &LocalEquivariance)> =
        states.iter().filter_map(|state| Some((state.state, state.local.as_ref()?))).collect();
    let (_, first) = found.first()?;
    let errors = |of: &dyn Fn(&LocalError) -> Option<f64>| -> Vec<String> {
        let both = found.iter().flat_map(|(_, local)| [&local.rotation, &local.translation]);
        both.map(|error| of(error).map_or_else(none, |error| format!("{error:.2}"))).collect()
    };
    let columns = found.iter().flat_map(|(state, _)| ["turns", "shifts"].map(|motion| format!("{state}: {motion}")));
    let header: Vec<String> = std::iter::once("layer".to_owned()).chain(columns).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let row = |(n, name): (usize, &str)| {
        let cells = errors(&|error| error.layers.get(n)?.image_error);
        std::iter::once(name.to_owned()).chain(cells).collect()
    };
    let names = first.rotation.layers.iter().map(|share| share.layer.as_str()).enumerate();
    let all = std::iter::once("all".to_owned()).chain(errors(&|error| error.image_error)).collect();
    let table = lines(&header, 1, names.map(row).chain([all]));
    Some(format!(
        "Lie derivative of the class scores as the images start to turn (per radian) or to move (per pixel), relative to\n\
         ‖Φ(x) − Φ(x′)‖ of different images, and what every layer brings in (Gruver et al. 2023); shares can cancel.\n\n{table}"
    ))
}

/// Predictions while the images turn, all states side by side.
fn angles(states: &[StateCheck]) -> Option<String> {
    let first = states.first().filter(|state| !state.angles.is_empty())?;
    let columns = states.iter().flat_map(|state| {
        ["predictions changed", "scores", "error"].map(|column| format!("{}: {column}", state.state))
    });
    let header: Vec<String> = std::iter::once("angle".to_owned()).chain(columns).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let row = |(n, angle): (usize, &AngleInvariance)| {
        let at = states.iter().filter_map(|state| state.angles.get(n));
        let cells = at.flat_map(|at| [percent(at.changed), format!("{:.1e}", at.scores), percent(at.error)]);
        std::iter::once(format!("{}°", angle.angle)).chain(cells).collect()
    };
    let table = lines(&header, 0, first.angles.iter().enumerate().map(row));
    Some(format!("Images turned by an angle\n\n{table}"))
}

/// How equivariant the arms became: by layer, on the study's own images where they are there, with new and with trained
/// weights (Lenc & Vedaldi 2015, Gruver et al. 2023). `None` where no arm is trained.
pub fn learned(checks: &[ArmCheck]) -> Option<String> {
    let trained: Vec<&ArmCheck> = checks.iter().filter(|check| check.states.len() > 1).collect();
    let longest = trained.iter().map(|check| layer_names(check)).max_by_key(Vec::len)?;
    let header: Vec<&str> = std::iter::once("layer").chain(trained.iter().map(|check| check.arm.as_str())).collect();
    let row = |layer: &String| {
        let cells = trained.iter().map(|check| {
            let errors: Vec<String> = check.states.iter().filter_map(|state| from_image(state, layer)).collect();
            if errors.is_empty() { none() } else { errors.join(" → ") }
        });
        std::iter::once(layer.clone()).chain(cells).collect()
    };
    let table = lines(&header, 1, longest.iter().map(row));
    Some(format!(
        "Learned equivariance, new → trained: ‖Φ(g·x) − g·Φ(x)‖ from the image up to the layer, mean over the elements,\n\
         relative to ‖Φ(x) − Φ(x′)‖ of different images: 1 where turning an image changes as much as taking another one.\n\
         Hidden maps of arms without a group are each turned in place; the last layer's are class scores, which show\n\
         invariance.\n\n{table}"
    ))
}

fn layer_names(check: &ArmCheck) -> Vec<String> {
    let images = check.states.iter().filter_map(|state| state.images.last()).next();
    images.into_iter().flat_map(|images| &images.layers).map(|layer| layer.layer.clone()).collect()
}

fn from_image(state: &StateCheck, layer: &str) -> Option<String> {
    let report = state.images.last()?.layers.iter().find(|report| report.layer == layer)?;
    report.from_image.mean_image_error().map(|error| if error < 1e-3 { exponent(error) } else { format!("{error:.2}") })
}
