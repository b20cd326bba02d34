//! The ids of findings: a topic, a dot, and what is wrong. docs/DOCTOR.md explains each of them.
//!
//! Ids are interface: programs compare them, while the sentences of a finding may change. Findings that mean the same have the
//! same id, whichever check finds them.

use std::fmt::{self, Display, Formatter};

use serde::{Serialize, Serializer};

/// Declares `Id`, with the text of each and the list of all.
macro_rules! ids {
    ($($name:ident = $text:literal,)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Id {
            $(#[doc = $text] $name,)*
        }

        impl Id {
            /// In the order of docs/DOCTOR.md.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The id as it is printed.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

ids! {
    PamNoServiceAsks = "pam.no-service-asks",
    PamServiceAsksNoCode = "pam.service-asks-no-code",
    PamNamedServiceAsksNoCode = "pam.named-service-asks-no-code",
    PamPartnerAsksNoCode = "pam.partner-asks-no-code",
    PamServiceFileMissing = "pam.service-file-missing",
    PamServiceNotAFile = "pam.service-not-a-file",
    PamAuthLineMissing = "pam.auth-line-missing",
    PamLineCanBeSkipped = "pam.line-can-be-skipped",
    PamLineInSharedFile = "pam.line-in-shared-file",
    PamAskedTwice = "pam.asked-twice",
    PamProgramCannotAsk = "pam.program-cannot-ask",
    PamProgramAsksAgain = "pam.program-asks-again",
    PamProgramNotRoot = "pam.program-not-root",
    PamCodeBeforePassword = "pam.code-before-password",
    PamNoFirstFactor = "pam.no-first-factor",
    PamPasswordNotChecked = "pam.password-not-checked",
    PamWrongPasswordReachesCode = "pam.wrong-password-reaches-code",
    PamFirstFactorOutsideSshd = "pam.first-factor-outside-sshd",
    PamRefusalIsIgnored = "pam.refusal-is-ignored",
    PamRefusalIsForgotten = "pam.refusal-is-forgotten",
    PamCodeSkipsLines = "pam.code-skips-lines",
    PamIgnoreDecides = "pam.ignore-decides",
    PamLetsNobodyIn = "pam.lets-nobody-in",
    PamNoLineSaysYes = "pam.no-line-says-yes",
    PamTooManyWays = "pam.too-many-ways",
    PamWrongArgument = "pam.wrong-argument",
    PamArgumentForTests = "pam.argument-for-tests",
    PamDashHidesError = "pam.dash-hides-error",
    PamAccountLineMissing = "pam.account-line-missing",
    PamAccountLineCanBeSkipped = "pam.account-line-can-be-skipped",
    PamAccountLineNotCertain = "pam.account-line-not-certain",
    PamRefusedLoginGoesOn = "pam.refused-login-goes-on",
    PamRefusalComesLate = "pam.refusal-comes-late",
    PamFolderNotRead = "pam.folder-not-read",
    PamLineUnfinished = "pam.line-unfinished",
    PamCarriageReturns = "pam.carriage-returns",
    PamUnknownType = "pam.unknown-type",
    PamUnknownControl = "pam.unknown-control",
    PamIncludeMissing = "pam.include-missing",
    PamIncludeElsewhere = "pam.include-elsewhere",
    PamIncludesItself = "pam.includes-itself",
    PamTooLong = "pam.too-long",
    PamOtherModuleMissing = "pam.other-module-missing",
    PamOtherModulePassedOver = "pam.other-module-passed-over",
    PamModulesNotFound = "pam.modules-not-found",
    ModuleMissing = "module.missing",
    ModuleMisnamed = "module.misnamed",
    ModuleCannotBeLoaded = "module.cannot-be-loaded",
    SshdPamOff = "sshd.pam-off",
    SshdKeyboardInteractiveOff = "sshd.keyboard-interactive-off",
    SshdKeyWithoutCode = "sshd.key-without-code",
    SshdPasswordCannotAsk = "sshd.password-cannot-ask",
    SshdNoKeyFirst = "sshd.no-key-first",
    SshdKeysOff = "sshd.keys-off",
    SshdRootShutOut = "sshd.root-shut-out",
    SshdServiceWithoutCode = "sshd.service-without-code",
    SshdServiceNotInPolicy = "sshd.service-not-in-policy",
    SshdIncludesItself = "sshd.includes-itself",
    SshdSettingsRefused = "sshd.settings-refused",
    SshdNotReloaded = "sshd.not-reloaded",
    SshdSettingsUnknown = "sshd.settings-unknown",
    SshdTooManyBlocks = "sshd.too-many-blocks",
    SudoAsksNoCode = "sudo.asks-no-code",
    SudoAsksAnotherAccount = "sudo.asks-another-account",
    SudoServiceWithoutCode = "sudo.service-without-code",
    SudoPolicyAsksLess = "sudo.policy-asks-less",
    SudoRulesElsewhere = "sudo.rules-elsewhere",
    SudoFileNotRead = "sudo.file-not-read",
    SudoCvtsudoersFails = "sudo.cvtsudoers-fails",
    PolicySyntax = "policy.syntax",
    PolicyUnknownKey = "policy.unknown-key",
    PolicyMissingKey = "policy.missing-key",
    PolicyWrongValue = "policy.wrong-value",
    PolicyKeyNeedsOtherMode = "policy.key-needs-other-mode",
    PolicyRuleNameTaken = "policy.rule-name-taken",
    PolicyRuleOver = "policy.rule-over",
    PolicyRuleNeverDecides = "policy.rule-never-decides",
    PolicyUnknownName = "policy.unknown-name",
    PolicyNotTheUsersName = "policy.not-the-users-name",
    PolicyServiceWithoutFile = "policy.service-without-file",
    FilesMissing = "files.missing",
    FilesWrongOwner = "files.wrong-owner",
    FilesOpenToOthers = "files.open-to-others",
    FilesClosedToOthers = "files.closed-to-others",
    FilesWrongType = "files.wrong-type",
    FilesHardLinks = "files.hard-links",
    FilesTooLong = "files.too-long",
    FilesLeftOver = "files.left-over",
    FilesNotOurs = "files.not-ours",
    FilesUnknownFormat = "files.unknown-format",
    FilesCannotBeRead = "files.cannot-be-read",
    HelperMissing = "helper.missing",
    HelperRunsAsRoot = "helper.runs-as-root",
    HelperWithoutBits = "helper.without-bits",
    HelperCannotRun = "helper.cannot-run",
    MountsStoreNotMounted = "mounts.store-not-mounted",
    MountsUnfit = "mounts.unfit",
    MountsUntried = "mounts.untried",
    MountsInMemory = "mounts.in-memory",
    MountsReadOnly = "mounts.read-only",
    MountsNoBarriers = "mounts.no-barriers",
    MountsNearlyFull = "mounts.nearly-full",
    AccountMissing = "account.missing",
    AccountSharesItsUid = "account.shares-its-uid",
    AccountHasAShell = "account.has-a-shell",
    AccountHasAPassword = "account.has-a-password",
    AccountNeedsNoPassword = "account.needs-no-password",
    UsersCannotEnroll = "users.cannot-enroll",
    UsersCannotEnrollHere = "users.cannot-enroll-here",
    UsersNoTicket = "users.no-ticket",
    UsersTooLittleTime = "users.too-little-time",
    UsersLockedOut = "users.locked-out",
    UsersNearLockout = "users.near-lockout",
    UsersMustWait = "users.must-wait",
    UsersCodeInTheFuture = "users.code-in-the-future",
    UsersFewRecoveryCodes = "users.few-recovery-codes",
    UsersFileDamaged = "users.file-damaged",
    UsersUidHasAnotherName = "users.uid-has-another-name",
    UsersAccountGone = "users.account-gone",
    UsersAccountNotFound = "users.account-not-found",
    UsersWithoutPassword = "users.without-password",
    MachineClockWrong = "machine.clock-wrong",
    MachineClockNotKept = "machine.clock-not-kept",
    MachineLookUpFails = "machine.look-up-fails",
    MachineSelinuxLabel = "machine.selinux-label",
    MachineApparmorProfile = "machine.apparmor-profile",
    EnableWaits = "enable.waits",
    EnableNotTakenBack = "enable.not-taken-back",
    EnableLinesLost = "enable.lines-lost",
}

impl Display for Id {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}
