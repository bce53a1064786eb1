//! What a study has to do, before it does it.

use std::time::Duration;

use indicatif::HumanDuration;

use super::screen::{budget_cells, budget_header, lines};
use crate::data::Draws;
use crate::study::{Arm, Record, Run, RunState, StudyPlan, Workers};

/// What runs of an arm there are, and about how long the missing ones take.
pub fn table(plan: &StudyPlan, record: &Record, draws: &Draws) -> String {
    let study = &record.study;
    let header = budget_header(&["images", "done", "failed", "left", "a run"]);
    let rows = study.arms.iter().map(|arm| row(plan, arm, draws));
    let seeds = if study.seeds.len() == 1 { "seed" } else { "seeds" };
    let head = format!(
        "{}: {} arms × {} {seeds}{}, {} ({} training, {} test images)",
        study.name,
        study.arms.len(),
        study.seeds.len(),
        tuning(record),
        draws.name(),
        draws.first().train.len(),
        draws.first().test.len()
    );
    format!("{head}\n\n{}\n{}", lines(&header, 2, rows), outlook(plan, record, draws))
}

fn tuning(record: &Record) -> String {
    match &record.study.tuning {
        Some(tuning) => format!(", each tuned over {} settings × {} runs", tuning.settings.len(), tuning.seeds),
        None => String::new(),
    }
}

fn row(plan: &StudyPlan, arm: &Arm, draws: &Draws) -> Vec<String> {
    let of_arm: Vec<&Run> = plan.trials.iter().chain(&plan.runs).filter(|run| run.arm == *arm).collect();
    let failed = of_arm.iter().filter(|run| run.failure().is_some()).count();
    let left: Vec<&&Run> = of_arm.iter().filter(|run| run.is_pending()).collect();
    let seconds = left.iter().map(|run| plan.calibration.run_seconds(run, 0, draws)).fold(0.0, f64::max);
    let takes = if left.is_empty() { "–".to_owned() } else { about(seconds) };
    let runs = [
        arm.train.unwrap_or(draws.first().train.len()).to_string(),
        (of_arm.len() - failed - left.len()).to_string(),
        failed.to_string(),
        left.len().to_string(),
        takes,
    ];
    budget_cells(&arm.id(), arm.net.bank.name(), arm.budget).into_iter().chain(runs).collect()
}

/// What is left, and how it's shared out.
fn outlook(plan: &StudyPlan, record: &Record, draws: &Draws) -> String {
    let left = plan.pending().count();
    let lost = match plan.unmeasurable {
        0 => String::new(),
        n => format!("; the equivariance of {} can't be measured: no checkpoint is left", finished(n)),
    };
    let measure = match plan.unmeasured {
        0 => lost,
        n => format!("; the equivariance of {} is to be measured{lost}", finished(n)),
    };
    if left == 0 {
        let none = if plan.unmeasured == 0 { "nothing is left to do" } else { "no runs left" };
        return format!("{none}{measure}");
    }
    let under_way = plan.pending().filter(|run| matches!(run.state, RunState::Begun { under_way: true, .. })).count();
    let elsewhere = match under_way {
        0 => String::new(),
        n => format!(", {n} of them under way in another process"),
    };
    let calibration = &plan.calibration;
    let Workers { jobs, threads } = calibration.workers;
    let memory = calibration.job_memory >> 20;
    let unmeasured = if record.study.equivariance.is_some() { ", measuring equivariance not counted" } else { "" };
    let short = if calibration.short_of_memory { ", as many as the free memory holds" } else { "" };
    format!(
        "{left} runs left{elsewhere}: about {} with {} × {}, {memory} MiB a job{short}{unmeasured}{measure}",
        about(plan.seconds(draws)),
        counted(jobs, "job"),
        counted(threads, "thread")
    )
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn finished(runs: usize) -> String {
    if runs == 1 { "1 finished run".to_owned() } else { format!("{runs} finished runs") }
}

fn about(seconds: f64) -> String {
    HumanDuration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)).to_string()
}
