//! libpam, as an application calls it (pam(3)). The only module of this program with `unsafe`.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::ptr::{null, null_mut};

use twostep_core::zeroizing::Zeroizing;
use twostep_rehearse::{Ended, Phase};

/// What a user types; none if they hang up.
pub(crate) type Answer = Option<Zeroizing<Vec<u8>>>;

/// How a prompt is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Prompt {
    /// Without echo.
    Hidden,
    Shown,
}

/// A PAM item that an application sets beside service and user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    /// PAM_TTY.
    Terminal,
    /// PAM_RHOST.
    Host,
    /// PAM_RUSER.
    Caller,
}

/// What an application gives to libpam.
pub(crate) struct Application<'a> {
    pub service: &'a CStr,
    pub user: &'a CStr,
    pub items: &'a [(Item, CString)],
    /// `NAME=value`.
    pub environment: &'a [CString],
}

/// Runs the auth phase and, if that succeeds, the account phase. `answer` is asked at each prompt.
pub(crate) fn log_in(application: &Application<'_>, answer: &mut dyn FnMut(Prompt) -> Answer) -> Ended {
    let mut asker = Asker { answer };
    let mut transaction = match Transaction::start(application, &mut asker) {
        Ok(transaction) => transaction,
        Err(code) => return Ended::NotStarted { code, text: text_of(code) },
    };
    if let Err(code) = transaction.prepare(application) {
        return Ended::NotStarted { code, text: text_of(code) };
    }
    for phase in [Phase::Auth, Phase::Account] {
        let code = transaction.run(phase);
        if code != SUCCESS {
            return Ended::Refused { phase, code, text: text_of(code) };
        }
    }
    Ended::LetIn
}

// The values of Linux-PAM (security/_pam_types.h).
const SUCCESS: c_int = 0;
const BUF_ERR: c_int = 5;
const CONV_ERR: c_int = 19;
const PROMPT_ECHO_OFF: c_int = 1;
const PROMPT_ECHO_ON: c_int = 2;
const ERROR_MSG: c_int = 3;
const TEXT_INFO: c_int = 4;
const FAIL_DELAY: c_int = 10;

impl Item {
    const fn number(self) -> c_int {
        match self {
            Self::Terminal => 3,
            Self::Host => 4,
            Self::Caller => 8,
        }
    }
}

/// `pam_handle_t`, of which only libpam knows the content.
#[repr(C)]
struct Handle {
    _private: [u8; 0],
}

/// `struct pam_message`.
#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

/// `struct pam_response`.
#[repr(C)]
struct Response {
    text: *mut c_char,
    unused: c_int,
}

type Converse = extern "C" fn(c_int, *const *const Message, *mut *mut Response, *mut c_void) -> c_int;

/// `struct pam_conv`.
#[repr(C)]
struct Conversation {
    converse: Converse,
    data: *mut c_void,
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        handle: *mut *mut Handle,
    ) -> c_int;
    fn pam_end(handle: *mut Handle, status: c_int) -> c_int;
    fn pam_set_item(handle: *mut Handle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut Handle, pair: *const c_char) -> c_int;
    fn pam_authenticate(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_strerror(handle: *mut Handle, code: c_int) -> *const c_char;
}

struct Asker<'a> {
    answer: &'a mut dyn FnMut(Prompt) -> Answer,
}

/// A transaction of libpam, ended when dropped. It may call its asker until then.
struct Transaction<'a> {
    handle: *mut Handle,
    status: c_int,
    asker: PhantomData<&'a mut Asker<'a>>,
}

impl<'a> Transaction<'a> {
    fn start<'b: 'a>(application: &Application<'_>, asker: &'a mut Asker<'b>) -> Result<Self, c_int> {
        let conversation = Conversation { converse, data: (&raw mut *asker).cast() };
        let mut handle = null_mut();
        let (service, user) = (application.service.as_ptr(), application.user.as_ptr());
        // SAFETY: both texts end with a null byte; libpam copies them and the structure, and writes one pointer.
        let code = unsafe { pam_start(service, user, &raw const conversation, &raw mut handle) };
        if code != SUCCESS || handle.is_null() {
            return Err(code);
        }
        Ok(Self { handle, status: SUCCESS, asker: PhantomData })
    }

    /// Sets what the application sets. A refusal is not delayed.
    fn prepare(&mut self, application: &Application<'_>) -> Result<(), c_int> {
        let no_delay: extern "C" fn(c_int, c_uint, *mut c_void) = no_delay;
        self.set_item(FAIL_DELAY, no_delay as *const c_void)?;
        for (item, value) in application.items {
            self.set_item(item.number(), value.as_ptr().cast())?;
        }
        for pair in application.environment {
            // SAFETY: the handle is valid until pam_end; the text ends with a null byte, and libpam copies it.
            check(unsafe { pam_putenv(self.handle, pair.as_ptr()) })?;
        }
        Ok(())
    }

    /// `value` is a text that ends with a null byte or, for FAIL_DELAY, a function of its type.
    fn set_item(&mut self, item: c_int, value: *const c_void) -> Result<(), c_int> {
        // SAFETY: the handle is valid until pam_end. libpam copies a text; a function stays where it is.
        check(unsafe { pam_set_item(self.handle, item, value) })
    }

    fn run(&mut self, phase: Phase) -> c_int {
        self.status = match phase {
            // SAFETY: the handle is valid until pam_end, and so is the asker, of which this value has the only reference.
            Phase::Auth => unsafe { pam_authenticate(self.handle, 0) },
            // SAFETY: as above.
            Phase::Account => unsafe { pam_acct_mgmt(self.handle, 0) },
        };
        self.status
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from pam_start, and is used no more.
        let _ = unsafe { pam_end(self.handle, self.status) };
    }
}

fn check(code: c_int) -> Result<(), c_int> {
    if code == SUCCESS { Ok(()) } else { Err(code) }
}

/// The text of a return value. Linux-PAM needs no handle for it.
fn text_of(code: c_int) -> String {
    // SAFETY: the handle is not used, and may be null.
    let text = unsafe { pam_strerror(null_mut(), code) };
    if text.is_null() {
        return String::new();
    }
    // SAFETY: libpam returns a constant text that ends with a null byte.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

extern "C" fn no_delay(_: c_int, _: c_uint, _: *mut c_void) {}

/// Answers the prompts of a module. A panic here ends the process.
extern "C" fn converse(
    count: c_int,
    messages: *const *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    let Ok(count) = usize::try_from(count) else { return CONV_ERR };
    // SAFETY: `data` is the asker of the transaction, which no other code uses while libpam runs.
    let asker = unsafe { &mut *data.cast::<Asker<'_>>() };
    let mut texts: Vec<Option<CString>> = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: libpam gives so many pointers in a row.
        let message = unsafe { messages.add(index) };
        // SAFETY: the pointer lies in that row.
        let message = unsafe { *message };
        // SAFETY: it points to a message, which is valid during this call.
        let style = unsafe { (*message).style };
        match answer_to(style, asker) {
            Ok(text) => texts.push(text),
            Err(code) => return code,
        }
    }
    // SAFETY: takes two numbers. Zeros are valid in each response.
    let array = unsafe { libc::calloc(count.max(1), size_of::<Response>()) }.cast::<Response>();
    if array.is_null() {
        return BUF_ERR;
    }
    for (index, text) in texts.iter().enumerate() {
        // SAFETY: the array has so many responses.
        let response = unsafe { array.add(index) };
        let text = text.as_ref().map_or(null(), |text| text.as_ptr());
        if !text.is_null() {
            // SAFETY: the text ends with a null byte. The copy belongs to the module, which frees it.
            let copy = unsafe { libc::strdup(text) };
            // SAFETY: the response is in the array, and has been cleared.
            unsafe { (*response).text = copy };
        }
    }
    // SAFETY: libpam gives a place for one pointer.
    unsafe { *responses = array };
    SUCCESS
}

/// The answer to a message of this style; none if it asks nothing.
fn answer_to(style: c_int, asker: &mut Asker<'_>) -> Result<Option<CString>, c_int> {
    let prompt = match style {
        PROMPT_ECHO_OFF => Prompt::Hidden,
        PROMPT_ECHO_ON => Prompt::Shown,
        ERROR_MSG | TEXT_INFO => return Ok(None),
        _ => return Err(CONV_ERR),
    };
    let answer = (asker.answer)(prompt).ok_or(CONV_ERR)?;
    CString::new(answer.as_slice()).map(Some).map_err(|_| CONV_ERR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_return_values_as_libpam_does() {
        assert_eq!(text_of(SUCCESS), "Success");
        assert_eq!(text_of(7), "Authentication failure");
    }

    /// What `converse` answers to messages of these styles, with the answers it is given.
    fn conversed(styles: &[c_int], answers: &[Option<&str>]) -> Result<Vec<Option<String>>, c_int> {
        let messages: Vec<_> = styles.iter().map(|&style| Message { style, text: null() }).collect();
        let pointers: Vec<*const Message> = messages.iter().map(|message| &raw const *message).collect();
        let mut answers = answers.iter();
        let mut next = |_: Prompt| -> Answer {
            answers.next().unwrap().map(|text| Zeroizing::new(text.as_bytes().to_vec()))
        };
        let mut asker = Asker { answer: &mut next };
        let mut array = null_mut();
        let count = c_int::try_from(styles.len()).unwrap();
        let data = (&raw mut asker).cast();
        check(converse(count, pointers.as_ptr(), &raw mut array, data))?;
        let answered = (0..styles.len()).map(|index| {
            // SAFETY: `converse` made so many responses.
            let response = unsafe { array.add(index) };
            // SAFETY: it is one of them.
            let text = unsafe { (*response).text };
            // SAFETY: a text that is not null ends with a null byte.
            let found =
                (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned());
            // SAFETY: strdup made it, or it is null.
            unsafe { libc::free(text.cast()) };
            found
        });
        let answered = answered.collect();
        // SAFETY: calloc made it.
        unsafe { libc::free(array.cast()) };
        Ok(answered)
    }

    #[test]
    fn answers_prompts_and_not_texts() {
        let styles = [TEXT_INFO, PROMPT_ECHO_OFF, ERROR_MSG, PROMPT_ECHO_ON];
        let expected = [None, Some("a".to_owned()), None, Some(String::new())];
        assert_eq!(conversed(&styles, &[Some("a"), Some("")]).unwrap(), expected);
    }

    #[test]
    fn refuses_unknown_message_and_null_byte_and_hanging_up() {
        let table = [(7, Some("a")), (PROMPT_ECHO_ON, Some("a\0b")), (PROMPT_ECHO_OFF, None)];
        for (style, answer) in table {
            assert_eq!(conversed(&[style], &[answer]), Err(CONV_ERR), "{style}");
        }
    }

    #[test]
    fn refuses_service_that_is_not_there() {
        let application =
            Application { service: c"twostep-no-such-service", user: c"root", items: &[], environment: &[] };
        let mut hang_up = |_: Prompt| -> Answer { None };
        assert!(!matches!(log_in(&application, &mut hang_up), Ended::LetIn));
    }
}
