//! The folder that keeps a study's results: `<out>/<study>/<arm>/seed-N/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::de::DeserializeOwned;

use super::lock::Lock;
use super::run_folder::{RunFolder, check_version};
use super::tuning::{Setting, TuningRecord};
use super::{Arm, Record, Run, StudyFile};
use crate::error::{Error, Result};
use crate::files;

/// The store of one study. Processes share it: what several write is locked, and every file is written whole and renamed.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    /// Not 0 once a signal has come: whoever waits for the store then gives up.
    signal: Arc<AtomicUsize>,
}

impl Store {
    /// The store of the study called `name` under `out`.
    pub fn new(out: &Path, name: &str) -> Self {
        Self { folder: out.join(name), signal: Arc::default() }
    }

    /// The same, which waits for other processes until `signal` isn't 0 any more.
    pub fn interrupted_by(self, signal: Arc<AtomicUsize>) -> Self {
        Self { signal, ..self }
    }

    /// An existing store.
    ///
    /// # Errors
    /// When the folder isn't a store.
    pub fn open(folder: &Path) -> Result<Self> {
        let store = Self { folder: folder.to_owned(), signal: Arc::default() };
        if !store.record_path().is_file() {
            let message = "not the store of a study: it has no study.json (a store is <out>/<name of the study>)";
            return Err(Error::content(folder, message));
        }
        Ok(store)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn record_path(&self) -> PathBuf {
        self.folder.join("study.json")
    }

    /// What the store says of its study; `None` in a new store.
    ///
    /// # Errors
    /// When the record can't be read or is of a newer version.
    pub fn record(&self) -> Result<Option<Record>> {
        let remedy = "delete it, and `equisplit run` with the study's file writes it anew";
        read(&self.record_path(), remedy, Record::check).map_err(|damage| match self.foreign_bank() {
            Some(bank) => {
                let message =
                    format!("a bank {bank:?} that this program doesn't have; use the one that made the store");
                Error::content(self.record_path(), message)
            }
            None => damage,
        })
    }

    /// The first bank in the store's record that is none of the [`families`](crate::bank::families).
    fn foreign_bank(&self) -> Option<String> {
        let bytes = files::read_record(&self.record_path()).ok()?;
        let record: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
        let banks = record["study"]["arms"].as_array()?.iter().filter_map(|arm| arm["net"]["bank"].as_str());
        banks.into_iter().find(|bank| crate::bank::family(bank).is_none()).map(str::to_owned)
    }

    /// What the store says of its study.
    ///
    /// # Errors
    /// As [`Store::record`], and when no study was run here.
    pub fn study(&self) -> Result<Record> {
        self.record()?.ok_or_else(|| Error::content(&self.folder, "no study has been run here"))
    }

    /// Checks that the store's runs were made with the images of `record`.
    ///
    /// # Errors
    /// When they weren't, or the store can't be read.
    pub fn check(&self, record: &Record) -> Result<()> {
        if let Some(old) = self.record()?
            && (&old.data, &old.test_labels) != (&record.data, &record.test_labels)
        {
            let (old, new) = (&old.data, &record.data);
            let message = format!(
                "the runs here were made with {}, not with {}; use another --out or another study name",
                old.described(),
                new.described()
            );
            return Err(Error::content(&self.folder, message));
        }
        Ok(())
    }

    /// Takes down the study that is about to run.
    ///
    /// # Errors
    /// When the store can't be written, or the record couldn't be read again: see [`Store::record`].
    pub fn begin(&self, record: &Record) -> Result<()> {
        self.write("study.json", record)
    }

    /// Keeps the study file's own text, for whoever wants to run the study again.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub fn keep_file(&self, file: &StudyFile) -> Result<()> {
        if self.file()?.as_deref() == Some(file.text.as_str()) {
            return Ok(());
        }
        let _lock = self.lock(&self.folder)?;
        files::write_own(&self.file_path(), |out| out.write_all(file.text.as_str().as_bytes()))
    }

    /// The text of the study file that was last run; `None` where none was kept.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn file(&self) -> Result<Option<String>> {
        let path = self.file_path();
        let text = files::read_record_if_there(&path)?.map(String::from_utf8).transpose();
        text.map_err(|_| Error::content(&path, "damaged (not UTF-8); delete it"))
    }

    fn file_path(&self) -> PathBuf {
        self.folder.join("study.toml")
    }

    /// Writes a file of the store itself.
    pub(super) fn write<T: serde::Serialize>(&self, file: &str, value: &T) -> Result<()> {
        let _lock = self.lock(&self.folder)?;
        files::write_json(&self.folder.join(file), value)
    }

    /// A folder of the store for this process alone.
    fn lock(&self, folder: &Path) -> Result<Lock> {
        Lock::wait(folder, &|| self.signal.load(Ordering::Relaxed) != 0)
    }

    /// The folder of an arm.
    pub(super) fn arm_folder(&self, arm: &Arm) -> PathBuf {
        self.folder.join(arm.id())
    }

    /// The run of an arm with a seed.
    ///
    /// # Errors
    /// When its folder has a run of another configuration or version.
    pub fn run(&self, record: &Record, arm: &Arm, chosen: Option<&Setting>, seed: u64) -> Result<Run> {
        let config = record.run_config(arm, chosen, seed);
        let folder = RunFolder::new(&self.folder, format!("{}/seed-{seed}", arm.id()));
        let state = folder.state(&config)?.of_arm(arm);
        Ok(Run { arm: arm.clone(), config, folder, state })
    }

    /// A trial of tuning: the `place`-th setting's run with the `run`-th seed, both counted from 0.
    ///
    /// # Errors
    /// As [`Store::run`], and when the arm has too few images.
    pub(super) fn trial(&self, record: &Record, arm: &Arm, [place, run]: [usize; 2]) -> Result<Option<Run>> {
        let Some(tuning) = &record.study.tuning else { return Ok(None) };
        let Some(setting) = tuning.settings.get(place) else { return Ok(None) };
        let config = record.trial_config(arm, setting, tuning.validation, run)?;
        // By its name and not its place, so that lists can become longer. Earlier versions took the place.
        let by_place = format!("{}/tuning/trial-{place}", arm.id());
        let by_name = format!("{}/tuning/{}", arm.id(), setting.label());
        let trial = if self.folder.join(&by_place).is_dir() { by_place } else { by_name };
        let folder = RunFolder::new(&self.folder, format!("{trial}/run-{run}"));
        let state = folder.state(&config)?.of_arm(arm);
        Ok(Some(Run { arm: arm.clone(), config, folder, state }))
    }

    /// The trials of all arms.
    ///
    /// # Errors
    /// As [`Store::run`], and when an arm has too few images.
    pub fn trials(&self, record: &Record) -> Result<Vec<Run>> {
        let Some(tuning) = &record.study.tuning else { return Ok(Vec::new()) };
        let mut trials = Vec::new();
        for place in 0..tuning.settings.len() {
            for run in 0..tuning.seeds {
                for arm in &record.study.arms {
                    trials.extend(self.trial(record, arm, [place, run])?);
                }
            }
        }
        Ok(trials)
    }

    /// What tuning chose for an arm; `None` where it hasn't, or the study has no tuning.
    ///
    /// # Errors
    /// When the record can't be read.
    pub fn tuned(&self, record: &Record, arm: &Arm) -> Result<Option<TuningRecord>> {
        if record.study.tuning.is_none() {
            return Ok(None);
        }
        let remedy = "delete it, and `equisplit run` chooses by the trials anew";
        read(&self.arm_folder(arm).join("tuning.json"), remedy, TuningRecord::check)
    }

    /// What tuning tried and chose for every arm that has been tuned, each with [`Arm::id`].
    ///
    /// # Errors
    /// As [`Store::tuned`].
    pub fn choices(&self, record: &Record) -> Result<Vec<(String, TuningRecord)>> {
        let choices = record.study.arms.iter().map(|arm| Ok(self.tuned(record, arm)?.map(|tuned| (arm.id(), tuned))));
        choices.filter_map(Result::transpose).collect()
    }

    /// Refuses another `[tuning]` than the one that the arm's runs were made with, if any.
    pub(super) fn check_tuned(&self, record: &Record, arm: &Arm) -> Result<()> {
        let Some(tuning) = &record.study.tuning else { return Ok(()) };
        let folder = self.arm_folder(arm);
        let is_run = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("seed-");
        let has_runs = std::fs::read_dir(&folder).is_ok_and(|entries| entries.flatten().any(is_run));
        let with = match self.tuned(record, arm)? {
            _ if !has_runs => return Ok(()),
            Some(tuned) if tuned.is_of(tuning, arm.train.unwrap_or(record.data.train)) => return Ok(()),
            Some(_) => "with what another [tuning] chose",
            // Whose choice was deleted can be chosen for again, by the same trials.
            None if folder.join("tuning").is_dir() => return Ok(()),
            None => "without [tuning]",
        };
        let message = format!("the runs here were made {with}; use another --out or another study name");
        Err(Error::content(folder, message))
    }

    /// The setting that tuning chose for an arm.
    pub(super) fn setting(&self, record: &Record, arm: &Arm) -> Result<Option<Setting>> {
        let tuned = self.tuned(record, arm)?;
        Ok(tuned.and_then(|tuned| tuned.trials.get(tuned.chosen).map(|trial| trial.setting)))
    }

    pub(super) fn write_tuned(&self, arm: &Arm, tuned: &TuningRecord) -> Result<()> {
        let folder = self.arm_folder(arm);
        files::refuse_link(&folder)?;
        let _lock = self.lock(&folder)?;
        files::write_json(&folder.join("tuning.json"), tuned)
    }

    /// All runs of the study that judge it, seed by seed, so that a study that is cut short has whole pairs. Arms that
    /// haven't been tuned yet, but will be, have no runs.
    ///
    /// # Errors
    /// When a folder has a run of another configuration or version.
    pub fn runs(&self, record: &Record) -> Result<Vec<Run>> {
        let study = &record.study;
        let tuned = study.arms.iter().map(|arm| Ok((arm, self.setting(record, arm)?)));
        let tuned = tuned.collect::<Result<Vec<_>>>()?;
        let ready = |setting: &Option<Setting>| study.tuning.is_none() || setting.is_some();
        let runs = study.seeds.iter().flat_map(|&seed| {
            let arms = tuned.iter().filter(move |(arm, setting)| ready(setting) && study.seeds_of(arm).contains(&seed));
            arms.map(move |(arm, setting)| self.run(record, arm, setting.as_ref(), seed))
        });
        runs.collect()
    }

    /// Folders of runs that ended but aren't the study's, since it has no such arm or seed (any more).
    pub fn left_out(&self, record: &Record) -> Vec<PathBuf> {
        let Record { study, .. } = record;
        let arms: BTreeSet<PathBuf> = study.arms.iter().map(|arm| self.arm_folder(arm)).collect();
        let seeds: BTreeSet<String> = study.seeds.iter().map(|seed| format!("seed-{seed}")).collect();
        let folders =
            |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let runs = folders(&self.folder).flat_map(|arm| folders(&arm));
        let is_run = |run: &PathBuf| run.join("result.json").is_file();
        let is_ours = |run: &PathBuf| {
            let seed = run.file_name().map(|name| name.to_string_lossy());
            run.parent().is_some_and(|arm| arms.contains(arm)) && seed.is_some_and(|seed| seeds.contains(&*seed))
        };
        let mut runs: Vec<PathBuf> = runs.filter(|run| is_run(run) && !is_ours(run)).collect();
        runs.sort();
        runs
    }
}

/// Reads a file of the store, whose numbers and names `check` looks through; `None` where there's no such file. What can be
/// done where it's damaged is told.
fn read<T: DeserializeOwned>(
    path: &Path,
    remedy: &str,
    check: impl Fn(&T) -> std::result::Result<(), String>,
) -> Result<Option<T>> {
    let Some(bytes) = files::read_record_if_there(path)? else { return Ok(None) };
    let damaged = |e: &dyn std::fmt::Display| Error::content(path, format!("damaged ({e}); {remedy}"));
    let json: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| damaged(&e))?;
    check_version(path, &json)?;
    let value: T = serde_json::from_value(json).map_err(|e| damaged(&e))?;
    check(&value).map_err(|wrong| damaged(&wrong))?;
    Ok(Some(value))
}
