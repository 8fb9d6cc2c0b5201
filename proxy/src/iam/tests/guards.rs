//! Guards over all chains of the small world.

use serde_json::json;

use super::fixture::{AWAY, HOME, World, away, caller, home};
use crate::chain::AccountId;
use crate::iam::{Explorer, Guard, Proof, prove};

#[test]
fn guards() {
    let mut world = World::new();
    let member = json!({"org_id": "o-a"});
    world.organisation = Some(json!({"accounts": {HOME: member, AWAY: {"org_id": "o-b"}}}));
    let facts = world.load();
    let only = |role: &str, sources: &[&str]| Guard::Only {
        role: away(role),
        sources: sources.iter().map(|name| home(name)).collect(),
    };
    let chain = |role: &str| vec![home("RoleA"), away(role)];
    let account = |id: &str| AccountId::parse(id).unwrap();
    let rows = [
        ("an account that nothing reaches", Guard::NeverAccount(account("999999999999")), Proof::Holds),
        ("an account that is reached", Guard::NeverAccount(account(AWAY)), Proof::Broken(chain("Guarded"))),
        ("only this role", only("RoleB", &["RoleA"]), Proof::Holds),
        ("another role", only("RoleB", &["Friend"]), Proof::Broken(chain("RoleB"))),
        ("for some database user", only("RoleEtl", &[]), Proof::Undecided(chain("RoleEtl"))),
        ("out of the organisation", Guard::WithinOrganisation("o-a".to_owned()), Proof::Broken(chain("Guarded"))),
    ];
    for (name, guard, want) in rows {
        let mut explorer = Explorer::new(&facts, caller(facts.cluster("demo").unwrap(), ""));
        assert_eq!(prove(&facts, &mut explorer, &guard), want, "{name}");
    }
    let mut explorer = Explorer::new(&facts, caller(facts.cluster("demo").unwrap(), "etl"));
    assert_eq!(prove(&facts, &mut explorer, &only("RoleEtl", &[])), Proof::Broken(chain("RoleEtl")), "for this user");
}
