//! The input of the checks: a machine, its policy, the time, and what this process may read.

use std::cell::OnceCell;

use nix::unistd::geteuid;
use twostep_core::fault::Fault;
use twostep_core::login::machine::Surroundings;
use twostep_core::machine::System;
use twostep_core::os::clock;
use twostep_core::os::names::Names;
use twostep_core::os::root::Root;
use twostep_core::paths::POLICY;
use twostep_core::policy::Policy;
use twostep_core::time::UnixTime;
use twostep_hostconf::pam::module_file::ModuleFiles;
use twostep_hostconf::sudoers::{Sudoers, SudoersFault};
use twostep_hostconf::tree::is_hidden;

/// What this process may read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    /// Everything: it runs as root or as the owner of the root folder. A file that it cannot read is a fault.
    Whole,
    /// What all users may read. A file that it cannot read may be right.
    Public,
}

impl Visibility {
    /// The visibility of `root` for the effective uid of this process.
    pub fn of(root: &Root) -> Result<Self, Fault> {
        let own = geteuid();
        Ok(if own.is_root() || own == root.system_owner()? { Self::Whole } else { Self::Public })
    }
}

pub struct Context<'a> {
    pub root: &'a Root,
    pub visibility: Visibility,
    /// None if the policy cannot be read or has an error.
    pub policy: Option<Policy>,
    /// None if the policy cannot be read.
    pub policy_text: Option<String>,
    pub now: UnixTime,
    /// The users and groups of the machine, if `root` is the machine itself.
    pub names: Names,
    pub(crate) module_files: ModuleFiles,
    sudoers: OnceCell<Result<Option<Sudoers>, SudoersFault>>,
}

impl<'a> Context<'a> {
    /// The machine below `root`, now.
    pub fn of(root: &'a Root) -> Result<Self, Fault> {
        let system = System::new(root.clone());
        let text = system.policy_text().ok();
        Ok(Self {
            root,
            visibility: Visibility::of(root)?,
            policy: system.policy().ok(),
            policy_text: text.map(|(_, text)| String::from_utf8_lossy(&text).into_owned()),
            now: clock::now()?,
            names: Names::default(),
            module_files: ModuleFiles::default(),
            sudoers: OnceCell::new(),
        })
    }

    /// The parsed sudoers, read once because cvtsudoers may be slow. None if there are none.
    pub(crate) fn sudoers(&self) -> Result<Option<&Sudoers>, &SudoersFault> {
        self.sudoers.get_or_init(|| Sudoers::read(self.root)).as_ref().map(Option::as_ref)
    }

    /// Whether only other accounts may read the policy, so that its rules are not known here.
    pub fn hides_policy(&self) -> bool {
        self.visibility == Visibility::Public && is_hidden(&self.root.path(POLICY))
    }
}
