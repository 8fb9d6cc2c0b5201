"""The order of the test files: those that take longest begin first, so that no worker is left with one of them at the end."""

LONGEST = [
    "test_rollout.py",
    "test_reload.py",
    "test_api.py",
    "test_faults.py",
    "test_pipelines.py",
    "test_audit_chain.py",
    "test_analytics.py",
    "test_alerts.py",
    "test_enforcement.py",
    "test_reload_keys.py",
    "test_pages.py",
    "test_guide.py",
    "test_dashboards.py",
    "test_story.py",
    "test_audit_load.py",
    "test_company_year.py",
]


def pytest_collection_modifyitems(items):
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))
