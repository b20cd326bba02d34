//! Moments as users read them.

use time::OffsetDateTime;
use twostep_core::time::UnixTime;

twostep_core::words! {
    /// A date, such as 2027-01-15, and a time of day in UTC.
    date_and_time(date, time) = "{date} {time} UTC";
    /// The same where the date is beyond the calendar.
    time_of_day(time) = "{time} UTC";
}

pub(crate) fn text(moment: UnixTime) -> String {
    date(moment.seconds()).map_or_else(|| time_of_day(moment), |date| date_and_time(date, moment))
}

/// A moment as RFC 3339 writes it, in UTC; none beyond the year 9999.
pub(crate) fn rfc_3339(seconds: u64) -> Option<String> {
    Some(format!("{}T{}Z", date(seconds)?, UnixTime::new(seconds)))
}

/// The day in UTC of so many seconds since 1970, as ISO 8601 writes it; none beyond the year 9999.
pub(crate) fn date(seconds: u64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    Some(moment.date().to_string())
}
