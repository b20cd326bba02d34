//! A page of HTML with a slip for each user who gets a ticket, to be printed.

use twostep_core::manage::ticket::NewTicket;

use crate::words::{moment, sheet as words};

/// Nothing of the page can send or load anything: it holds tickets.
const HEAD: &str = "<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
    <meta name=\"referrer\" content=\"no-referrer\">";
/// No slip is cut by the end of a page of paper.
const STYLE: &str = "body { font-family: sans-serif; max-width: 45em; margin: 0 auto }\n\
    section { border: 1px dashed; padding: 0 2em 1em; margin: 1em; page-break-inside: avoid; break-inside: avoid }\n\
    .ticket { font: bold 1.6em monospace; letter-spacing: 0.1em }";

/// The page with the tickets of `all`, for the machine called `host`.
pub(crate) fn page(host: &str, all: &[&NewTicket<'_>]) -> String {
    let host = escaped(host);
    let title = words::title(&host);
    let slips: String = all.iter().map(|new| slip(&host, new)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n{HEAD}\n<title>{title}</title>\n<style>\n{STYLE}\n</style>\n\
         </head>\n<body>\n{slips}</body>\n</html>"
    )
}

fn slip(host: &str, new: &NewTicket<'_>) -> String {
    let whose = words::whose(escaped(&new.account.name), host);
    let valid = words::valid(moment::text(new.expires));
    let (log_in, ticket) = (words::log_in(host), new.code.expose_text());
    format!(
        "<section>\n<h1>{whose}</h1>\n<p>{valid}</p>\n<p class=\"ticket\">{}</p>\n\
         <ol>\n<li>{log_in}</li>\n<li>{}</li>\n<li>{}</li>\n</ol>\n<p>{}</p>\n</section>\n",
        ticket.as_str(),
        words::TYPE_TICKET,
        words::SCAN,
        words::KEEP_SECRET
    )
}

/// The text as HTML shows it.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_all_that_html_reads() {
        assert_eq!(escaped("<b a='x' c=\"y\">&amp;"), "&lt;b a=&#39;x&#39; c=&quot;y&quot;&gt;&amp;amp;");
        assert_eq!(escaped("CORP\\J\u{fc}rgen"), "CORP\\J\u{fc}rgen");
    }
}
