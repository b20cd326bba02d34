//! The arguments of the PAM line. A mistake is an error, never a default.

use std::ffi::CStr;
use std::path::Path;

use twostep_core::login::audit::Value;
use twostep_core::login::auth_phase::{FirstFactor, LineOptions, Question};
use twostep_core::os::root::Root;
use twostep_core::policy::METHODS;

/// What the line says.
pub(crate) struct Arguments {
    /// `root=DIR`: where all files lie; the machine's own root if it is not given.
    pub root: Root,
    /// `first_factor=METHOD`: what sshd must have accepted before; `forward_pass`: one question for password and code.
    pub options: LineOptions,
}

impl Arguments {
    /// Parses the arguments. The error names the one that is wrong.
    pub(crate) fn parse(args: &[&CStr]) -> Result<Self, String> {
        let (mut root, mut first_factor, mut question) = (None, None, None);
        for arg in args {
            let unknown =
                |text: &str| format!("unknown module argument {}; run 'twostep doctor'", Value(text));
            let text = arg.to_str().map_err(|_| unknown(&arg.to_string_lossy()))?;
            let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
            match (key, value) {
                ("root", Some(value)) if root.is_none() => {
                    root = Some(Root::at(Path::new(value)).map_err(|fault| format!("root={fault}"))?);
                }
                ("first_factor", Some(value)) if first_factor.is_none() => {
                    first_factor = Some(parse_first_factor(value)?);
                }
                ("forward_pass", None) if question.is_none() => question = Some(Question::PasswordAndCode),
                ("root" | "first_factor", Some(_)) | ("forward_pass", None) => {
                    return Err(format!("module argument {key} is given twice"));
                }
                _ => return Err(unknown(text)),
            }
        }
        let options = LineOptions {
            first_factor: first_factor.unwrap_or_default(),
            question: question.unwrap_or_default(),
        };
        Ok(Self { root: root.unwrap_or(Root::SYSTEM), options })
    }
}

fn parse_first_factor(value: &str) -> Result<FirstFactor, String> {
    if value == "any" {
        return Ok(FirstFactor::Any);
    }
    if METHODS.contains(&value) {
        return Ok(FirstFactor::Method(value.to_owned()));
    }
    Err(format!("first_factor must be any or one of {}, not {}", METHODS.join(", "), Value(value)))
}
