//! `fix ROOT`: applies a remedy to the machine below ROOT. Standard input has the remedy as `twostep doctor --json` prints it.
//! For tests: `twostep doctor` itself changes nothing.

use std::error::Error;
use std::io::ErrorKind;
use std::process::Command;
use std::{env, fs, io};

use twostep_core::os::root::Root;
use twostep_doctor::finding::Remedy;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("usage: fix ROOT")?;
    let remedy: Remedy = serde_json::from_reader(io::stdin())?;
    remedy.steps().iter().try_for_each(|step| {
        if let Remedy::Run { command } = step { run(&folder, command) } else { change(&folder, step) }
    })
}

fn change(folder: &str, remedy: &Remedy) -> Result<(), Box<dyn Error>> {
    let root = Root::at(folder.as_ref()).map_err(|fault| fault.to_string())?;
    let path = root.path(remedy.file().ok_or("this remedy changes no file")?);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let changed = remedy.changes(|_| Some(text.clone())).ok_or("the file has no such line")?;
    changed.into_values().try_for_each(|text| Ok(fs::write(&path, text)?))
}

/// Below another root, a path in the command means the path below that root.
fn run(folder: &str, command: &str) -> Result<(), Box<dyn Error>> {
    let command = command.replace(" /", &format!(" {}/", folder.trim_end_matches('/')));
    let status = Command::new("sh").args(["-euc", &command]).status()?;
    if status.success() { Ok(()) } else { Err(status.to_string().into()) }
}
