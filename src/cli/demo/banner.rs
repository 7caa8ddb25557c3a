use std::io::{self, Write};

/// An account that a visitor of the demo can log in with.
#[derive(Debug, Clone)]
pub struct DemoAccount {
    /// What it is for, as the visitor reads it.
    pub role: &'static str,
    /// The address to log in with.
    pub email: &'static str,
    /// The password of this run.
    pub password: String,
}

/// Tells a visitor where to go and how to get in.
///
/// # Errors
/// What the writer says.
pub fn write_banner(out: &mut impl Write, address: &str, accounts: &[DemoAccount], modules: u32) -> io::Result<()> {
    let width = accounts.iter().map(|account| account.email.len()).max().unwrap_or_default();
    writeln!(out)?;
    writeln!(out, "  Carillon is ringing: {modules} simulated modules report to it.")?;
    writeln!(out)?;
    writeln!(out, "  Open      {address}")?;
    for DemoAccount { role, email, password, .. } in accounts {
        writeln!(out, "  {role:<9} {email:<width$}  password {password}")?;
    }
    writeln!(out)?;
    writeln!(out, "  Modules   {address}/modules")?;
    writeln!(out, "  Admin     {address}/admin")?;
    writeln!(out)?;
    writeln!(out, "  The passwords are new at every start. Ctrl-C ends the demo.")?;
    writeln!(out)?;

    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_told_the_address_and_each_login() {
        let account = DemoAccount { role: "Admin", email: "a@example.org", password: "secret".to_owned() };
        let mut out = Vec::new();

        write_banner(&mut out, "http://127.0.0.1:8080", &[account], 12).unwrap();
        let text = String::from_utf8(out).unwrap();

        assert!(text.contains("Open      http://127.0.0.1:8080\n"), "{text}");
        assert!(text.contains("Admin     a@example.org  password secret\n"), "{text}");
    }
}
