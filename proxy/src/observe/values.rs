//! Label values that are closed sets: each is an enum that lists itself, so that every series of it starts at zero. Values that
//! belong to another room (kinds, verdicts, severities, modes) are that room's enums.

closed_sets! {
    /// Why a session ended.
    pub enum SessionEnd {
        /// The client closed it.
        Client,
        /// The backend closed it.
        Upstream,
        /// A time limit passed: authentication, idleness or lifetime.
        Limit,
        /// The gate is being stopped.
        Drain,
        /// The gate could not go on.
        Error,
    }

    /// Why a connection never became a session.
    pub enum SessionRefusal {
        /// The TLS handshake failed.
        Tls,
        /// The gate holds as many sessions as it may.
        LimitTotal,
        /// The user holds as many sessions as it may.
        LimitUser,
        /// The client's address holds as many sessions as it may.
        LimitAddress,
        /// Too many connections are not authenticated yet.
        LimitUnauthenticated,
        /// The start-up itself: malformed, too slow, an unsafe encoding, or a backend that cannot be reached.
        Startup,
        /// The gate is being stopped.
        Drain,
    }

    /// How a cancel request ended.
    pub enum CancelResult {
        /// It was passed on to the backend.
        Forwarded,
        /// The backend could not be reached.
        Failed,
        /// Too many were under way.
        Refused,
    }

    /// An end of a session.
    pub enum Leg {
        /// The client's.
        Frontend,
        /// The cluster's.
        Backend,
    }

    /// How a TLS handshake or a fetch went.
    pub enum AttemptResult {
        /// It succeeded.
        Ok,
        /// It failed.
        Failed,
    }

    /// What was reloaded.
    pub enum Reloaded {
        /// The configuration, and every file that it names.
        Config,
    }

    /// How a reload went.
    pub enum ReloadResult {
        /// Something new is in force.
        Applied,
        /// Nothing is new, or nothing that can take effect before a restart.
        Unchanged,
        /// The new version has a mistake, and the old one stays in force.
        Refused,
        /// The mistake is gone, and the files say again what is in force.
        Mended,
    }

    /// Why the files of the configuration are read again.
    pub enum ReloadCause {
        /// SIGHUP: somebody asked, and expects an answer.
        Sighup,
        /// Something happened to a file.
        Files,
        /// They had a mistake last time.
        Retry,
    }

    /// Whether the policy cache held a verdict.
    pub enum CacheResult {
        /// It held one.
        Hit,
        /// It held none, and the verdict was made anew.
        Miss,
    }

    /// Which way bytes go.
    pub enum Direction {
        /// From the client to the cluster.
        ToBackend,
        /// From the cluster to the client.
        ToFrontend,
    }

    /// What is read over the network in the background.
    pub enum Fetched {
        /// IAM facts from AWS.
        Aws,
        /// Groups from the cluster's own catalogue.
        Catalog,
        /// The cluster's own history, for what did not pass the gate.
        History,
    }

    /// Why the audit goes on in another file.
    pub enum NewAuditFile {
        /// The file was full or old.
        Rotated,
        /// The file was moved, removed or replaced.
        Replaced,
        /// The file was cut to nothing.
        Truncated,
    }

    /// How long an exception has left.
    pub enum DaysLeft {
        /// It is over.
        Over,
        /// Less than a day.
        Today,
        /// Less than a week.
        Week,
        /// Less than 30 days.
        Month,
        /// 30 days or more.
        More,
    }

    /// What a session does now.
    pub enum SessionState {
        /// The cluster has not let it in yet.
        Starting,
        /// An answer of the cluster is due.
        Active,
        /// Nothing is due, and no transaction is open.
        Idle,
        /// Nothing is due, and a transaction is open, failed or not.
        InTransaction,
    }

    /// How a login went.
    pub enum LoginResult {
        /// The cluster let the user in.
        Ok,
        /// The password is wrong: 28P01.
        Password,
        /// The user may not log in, or not from there: 28000.
        Authorization,
        /// There is no such database: 3D000.
        Database,
        /// The cluster takes no more connections: 53300.
        TooMany,
        /// The cluster gave another error.
        Refused,
        /// The client went away.
        Client,
        /// The cluster closed without a word.
        Backend,
        /// It took too long.
        Timeout,
        /// The gate is being stopped.
        Drain,
        /// The gate could not go on.
        Error,
    }

    /// A limit of a gate.
    pub enum LimitKind {
        /// Sessions at one time.
        Sessions,
        /// Sessions of one user.
        SessionsPerUser,
        /// Sessions from one address.
        SessionsPerAddress,
        /// Connections that the cluster has not let in yet.
        Unauthenticated,
        /// Cancel requests under way.
        Cancels,
    }

    /// Who holds sessions.
    pub enum Holder {
        /// A login user.
        User,
        /// A client address.
        Address,
    }

    /// What the cluster made of a judged statement.
    pub enum StatementOutcome {
        /// It carried it out.
        Completed,
        /// It gave an error.
        Failed,
        /// It left it out after an error before it.
        Skipped,
        /// The session ended first.
        Lost,
    }
}

impl DaysLeft {
    /// Of so many whole days; `None`: it is over.
    #[must_use]
    pub const fn of(days: Option<i64>) -> Self {
        match days {
            None => Self::Over,
            Some(..=0) => Self::Today,
            Some(1..=6) => Self::Week,
            Some(7..=29) => Self::Month,
            Some(_) => Self::More,
        }
    }
}

impl LoginResult {
    /// What an error of this SQLSTATE says of a login. Source: PostgreSQL documentation, "PostgreSQL Error Codes".
    #[must_use]
    pub fn of_sqlstate(sqlstate: &[u8]) -> Self {
        match sqlstate {
            b"28P01" => Self::Password,
            b"28000" => Self::Authorization,
            b"3D000" => Self::Database,
            b"53300" => Self::TooMany,
            _ => Self::Refused,
        }
    }
}

impl AttemptResult {
    /// [`Self::Ok`] of a success, else [`Self::Failed`].
    #[must_use]
    pub const fn of(is_good: bool) -> Self {
        if is_good { Self::Ok } else { Self::Failed }
    }
}
