//! What is likely not meant in a study that could be run: classes that nothing is learned of, rates at which nothing is, and
//! schedules that come too late.

use std::collections::{BTreeMap, BTreeSet};

use super::images::training_labels;
use super::{Arm, Study};
use crate::data::{Dataset, Label};

/// Classes, arms and seeds that a warning lists.
const LISTED: usize = 5;

impl Study {
    /// Warnings to give before anything is trained.
    pub fn doubts(&self, dataset: &Dataset) -> Vec<String> {
        self.absent_classes(dataset).into_iter().chain(self.rates_of_zero()).chain(self.idle_schedules()).collect()
    }

    /// Classes of which there's no image to learn from, in all or in the parts that arms are trained on.
    fn absent_classes(&self, dataset: &Dataset) -> Vec<String> {
        let absent = |labels: &[Label]| -> Vec<usize> {
            let there: BTreeSet<usize> = labels.iter().map(|&label| usize::from(label)).collect();
            (0..dataset.classes).filter(|class| !there.contains(class)).collect()
        };
        let of_all = absent(&dataset.train.labels);
        let mut doubts = Vec::new();
        if dataset.classes == 1 {
            doubts.push("there's one class, and nothing to learn".to_owned());
        }
        if !of_all.is_empty() {
            doubts.push(format!("there's no training image of class {}", listed(&of_all)));
        }
        let sizes: BTreeSet<usize> = self.arms.iter().filter_map(|arm| arm.train).collect();
        for size in sizes {
            let lacking = |&&seed: &&u64| absent(&training_labels(dataset, size, seed)).len() > of_all.len();
            let seeds: Vec<u64> = self.seeds.iter().filter(lacking).copied().collect();
            if let Some(&first) = seeds.first() {
                let classes = absent(&training_labels(dataset, size, first));
                doubts.push(format!(
                    "with train = {size} there are classes without a training image under seed {} (under seed {first}: class {})",
                    listed(&seeds),
                    listed(&classes)
                ));
            }
        }
        doubts
    }

    fn rates_of_zero(&self) -> Vec<String> {
        let settings = self.tuning.iter().flat_map(|tuning| &tuning.settings);
        let tuned: Vec<Option<f64>> = settings.map(|setting| setting.learning_rate).collect();
        let mut doubts = Vec::new();
        if tuned.contains(&Some(0.0)) {
            doubts.push("tuning tries a learning rate of 0, at which nothing is learned".to_owned());
        }
        // Where rates are tuned, the arms' own isn't used.
        let own = tuned.iter().all(Option::is_none);
        let still = self.arms.iter().filter(|arm| own && arm.training.learning_rate_in(1) == 0.0);
        let still: Vec<String> = still.map(Arm::id).collect();
        if !still.is_empty() {
            let arms = self.those(&still);
            doubts.push(format!("the learning rate is 0 and nothing is learned: {arms}"));
        }
        doubts
    }

    /// Decays that come after the last epoch, as of a protocol whose epochs were cut.
    fn idle_schedules(&self) -> Vec<String> {
        let mut arms: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for arm in &self.arms {
            if let Some(idle) = arm.training.idle() {
                arms.entry(idle).or_default().push(arm.id());
            }
        }
        arms.into_iter().map(|(idle, arms)| format!("{idle} ({})", self.those(&arms))).collect()
    }

    fn those(&self, arms: &[String]) -> String {
        if arms.len() == self.arms.len() { "all arms".to_owned() } else { listed(arms) }
    }
}

/// A few of them, and how many there are besides.
fn listed<T: ToString>(all: &[T]) -> String {
    let shown: Vec<String> = all.iter().take(LISTED).map(T::to_string).collect();
    match all.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::Images;
    use crate::model::InputShape;
    use crate::study::StudyFile;

    /// A set of so many training images of each class.
    fn dataset(counts: &[usize]) -> Dataset {
        let labels: Vec<Label> = (0..).zip(counts).flat_map(|(class, &count)| vec![class; count]).collect();
        let images = |labels: Vec<Label>| Images {
            channels: 1,
            height: 1,
            width: 1,
            pixels: vec![0.5; labels.len()].into(),
            labels,
        };
        let (train, test) = (images(labels), images(vec![0]));
        Dataset { name: "set".to_owned(), fingerprint: String::new(), classes: counts.len(), train, test }
    }

    /// The warnings for a study with these lines added to its training, its arm p4, and its end.
    fn doubts([training, arm, end]: [&str; 3], dataset: &Dataset) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.toml");
        let text = format!(
            "name = \"s\"\nbaseline = \"z2\"\ntarget = \"p4\"\nseeds = 3\n[data]\nsource = \"builtin\"\n[training]\n{training}\n\
             [[arm]]\nname = \"z2\"\n[[arm]]\nname = \"p4\"\n{arm}\n{end}"
        );
        std::fs::write(&path, text).unwrap();
        let study = StudyFile::read(Path::new(&path)).unwrap().resolve(InputShape::DIGITS, None).unwrap();
        study.doubts(dataset)
    }

    #[test]
    fn classes_that_nothing_is_learned_of_are_told() {
        let whole = dataset(&[400, 400, 400]);
        assert!(doubts([""; 3], &whole).is_empty());
        assert!(doubts(["", "train = 300", ""], &whole).is_empty());
        assert_eq!(doubts([""; 3], &dataset(&[5, 0, 5, 0])), ["there's no training image of class 1, 3"]);
        // One image of a class among 101: no two seeds find it in two, as a rule.
        let rare = doubts(["", "train = 2", ""], &dataset(&[100, 1]));
        assert!(
            rare[0].starts_with("with train = 2 there are classes without a training image under seed 0, 1, 2"),
            "{rare:?}"
        );
        assert!(rare[0].ends_with("class 1)"), "{rare:?}");
        let many = doubts([""; 3], &dataset(&[[9; 1].as_slice(), &[0; 7]].concat()));
        assert_eq!(many, ["there's no training image of class 1, 2, 3, 4, 5 and 2 more"]);
    }

    #[test]
    fn rates_of_zero_are_told() {
        let whole = dataset(&[9, 9]);
        let all = ["the learning rate is 0 and nothing is learned: all arms"];
        assert_eq!(doubts(["learning_rate = 0", "", ""], &whole), all);
        assert_eq!(doubts(["decay = 0.0", "", ""], &whole), all);
        let one = doubts(["", "training = { learning_rate = 0.0 }", ""], &whole);
        assert_eq!(one, ["the learning rate is 0 and nothing is learned: p4"]);
        let tuned = doubts(["learning_rate = 0", "", "[tuning]\nlearning_rate = [0, 0.01]"], &whole);
        assert_eq!(tuned, ["tuning tries a learning rate of 0, at which nothing is learned"]);
        assert!(doubts(["learning_rate = 0", "", "[tuning]\nlearning_rate = [0.1, 0.01]"], &whole).is_empty());
        assert_eq!(doubts(["learning_rate = 0", "", "[tuning]\nbatch = [8, 16]"], &whole), all);
    }

    #[test]
    fn schedules_that_do_nothing_are_told() {
        let whole = dataset(&[9, 9]);
        let late = doubts(["epochs = 3\ndecay = 0.5\ndecay_from = 4", "training = { epochs = 4 }", ""], &whole);
        assert_eq!(late, ["the rate never falls: decay_from is 4, and there are 3 epochs (z2)"]);
        let steps = "epochs = 80\nschedule = \"multistep\"\nmilestones = [30, 80]\n";
        let late = doubts([&format!("{steps}decay = 0.1"), "", ""], &whole);
        assert_eq!(late, ["the rate isn't decayed after epoch 80, of milestones: there are 80 epochs (all arms)"]);
        let one = doubts([&format!("{steps}decay = 1.0"), "", ""], &whole);
        assert_eq!(one, ["the rate never falls at its milestones: decay is 1 (all arms)"]);
        assert!(doubts(["epochs = 4\ndecay = 0.5\ndecay_from = 4", "", ""], &whole).is_empty());
    }
}
