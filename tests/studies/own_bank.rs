//! A bank of another crate goes through the study engine, from TOML to the attribution.

#[path = "../../examples/own_bank.rs"]
#[allow(dead_code)]
mod example;

use std::path::Path;

#[test]
fn a_bank_of_another_crate_is_an_arm_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let study = Path::new("examples/own_bank.toml");
    let said = example::answer(study, folder.path()).unwrap();
    assert!(said.contains("gain of p4 over z2"), "{said}");
    // All of it is on record: the bank's key, its cost, its runs; and other reports know it.
    let store = equisplit::study::Store::open(&folder.path().join("own-bank")).unwrap();
    let record = store.study().unwrap();
    let arm = &record.study.arms[1];
    assert_eq!((arm.net.bank.name(), arm.net.bank.get()), ("low-rank", Some(&example::LowRank { rank: 2 })));
    let target = record.study.arms[2].budget.parameters as f64;
    assert!((arm.budget.parameters as f64 / target - 1.0).abs() <= 0.02);
    let runs = store.runs(&record).unwrap();
    assert_eq!(runs.iter().filter(|run| run.arm == *arm && run.test_error().is_some()).count(), 4);
    let share = &store.attribute_as(&record).unwrap()[0].shares[0];
    assert_eq!(share.control, "low-rank");
    // The program itself doesn't have the bank, and says so.
    let shown = crate::common::failure(&["show", folder.path().join("own-bank").to_str().unwrap()]);
    assert!(shown.contains("a bank \"low-rank\" that this program doesn't have"), "{shown}");
    // A second time nothing is left to do, and the answer is the same.
    assert_eq!(example::answer(study, folder.path()).unwrap(), said);
}

#[test]
fn its_keys_are_checked_as_any_others() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string("examples/own_bank.toml").unwrap();
    let refused = |from: &str, to: &str| {
        let path = folder.path().join("study.toml");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        example::answer(&path, folder.path()).unwrap_err().to_string()
    };
    let place = 1 + text.lines().position(|line| line == "rank = 2").unwrap();
    assert!(refused("rank = 2", "rank = 0").contains(&format!("study.toml:{place}: rank = 0, but")));
    assert!(
        refused("rank = 2", "rank = \"2\"")
            .contains(&format!(":{place}: rank: invalid type: string \"2\", expected a whole number"))
    );
    assert!(refused("rank = 2", "ranks = 2").contains("unknown field `ranks`"));
    assert!(refused("width = 6", "width = 6\nrank = 1").contains("rank is for low-rank only, but the bank here is p4"));
}
