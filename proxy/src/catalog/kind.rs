//! What is stored, and how a statement uses it.

closed_sets! {
    /// What an object is.
    #[derive(Ord, PartialOrd)]
    pub enum ObjectKind {
        /// An external schema.
        ExternalSchema,
        /// A function that runs in Lambda.
        ExternalFunction,
        /// A model of Redshift ML, or an external model.
        Model,
        /// A COPY that goes on by itself.
        CopyJob,
        /// An identity provider.
        IdentityProvider,
        /// A procedure that names roles, or reads what stores some.
        Procedure,
        /// A view that reads what stores roles.
        View,
        /// A function in SQL that calls what stores roles.
        Function,
        /// A user's right to use a role.
        AssumeroleGrant,
        /// The role that `default` stands for.
        DefaultRole,
        /// A role attached to the cluster.
        AttachedRole,
        /// A database of the cluster that is made of a datashare.
        Datashare,
    }

    /// How a use of a role came about.
    #[derive(Ord, PartialOrd)]
    pub enum Via {
        /// The statement names the role.
        Statement,
        /// It names an external schema.
        Schema,
        /// It names a view.
        View,
        /// It calls a function.
        Function,
        /// It calls the function of a model.
        Model,
        /// It calls a procedure.
        Procedure,
        /// It runs a job.
        Job,
    }
}

impl ObjectKind {
    /// What a statement that names the object does with it; `None` for what no statement uses by its name.
    #[must_use]
    pub(crate) const fn via(self) -> Option<Via> {
        Some(match self {
            Self::ExternalSchema => Via::Schema,
            Self::ExternalFunction | Self::Function => Via::Function,
            Self::Model => Via::Model,
            Self::CopyJob => Via::Job,
            Self::Procedure => Via::Procedure,
            Self::View => Via::View,
            Self::IdentityProvider
            | Self::AssumeroleGrant
            | Self::DefaultRole
            | Self::AttachedRole
            | Self::Datashare => return None,
        })
    }
}
