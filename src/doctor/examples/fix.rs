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
    if let Remedy::Run { command } = &remedy { run(&folder, command) } else { change(&folder, &remedy) }
}

fn change(folder: &str, remedy: &Remedy) -> Result<(), Box<dyn Error>> {
    let root = Root::at(folder.as_ref()).map_err(|fault| fault.to_string())?;
    let path = root.path(remedy.file().ok_or("this remedy changes no file")?);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text?,
    };
    fs::write(&path, remedy.apply(&text).ok_or("the file has no such line")?)?;
    Ok(())
}

/// Below another root, a path in the command means the path below that root.
fn run(folder: &str, command: &str) -> Result<(), Box<dyn Error>> {
    let command = command.replace(" /", &format!(" {}/", folder.trim_end_matches('/')));
    let status = Command::new("sh").args(["-euc", &command]).status()?;
    if status.success() { Ok(()) } else { Err(status.to_string().into()) }
}
