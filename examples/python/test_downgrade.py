"""Tests of downgrade.py. Run them with: python3 -m pytest"""

import pytest

from downgrade import downgrade


@pytest.fixture
def account(chime):
    """An account with two people."""
    account_id = chime.create_account(Name="Acme")["Account"]["AccountId"]
    chime.invite_users(AccountId=account_id, UserEmailList=["ana@example.com", "bo@example.com"])
    return account_id


def licenses(chime, account):
    return [user["LicenseType"] for user in chime.list_users(AccountId=account)["Users"]]


def test_everybody_gets_basic(chime, account):
    assert downgrade(chime, account) == []
    assert licenses(chime, account) == ["Basic", "Basic"]


def test_a_refused_user_is_tried_again(chime, account, service):
    rule = {"operation": "BatchUpdateUser", "user": "ana@example.com", "where": "item", "count": 1}
    service("POST", "faults", [rule | {"effect": {"code": "Throttled"}}])
    assert downgrade(chime, account) == []
    assert licenses(chime, account) == ["Basic", "Basic"]
    assert service("GET", "faults")[0]["fired"] == 1


def test_a_lost_reply_does_no_harm(chime, account, service):
    """The work is done, and the connection breaks before the reply. boto3 sends the call again."""
    rule = {"operation": "BatchUpdateUser", "where": "after", "count": 1}
    service("POST", "faults", [rule | {"effect": {"connection": "reset"}}])
    assert downgrade(chime, account) == []
    assert licenses(chime, account) == ["Basic", "Basic"]
    assert service("GET", "faults")[0]["fired"] == 1


def test_a_user_who_is_always_refused_is_reported(chime, account, service):
    rule = {"operation": "BatchUpdateUser", "user": "bo@example.com", "where": "item"}
    service("POST", "faults", [rule | {"effect": {"code": "Forbidden"}}])
    assert len(downgrade(chime, account)) == 1
    assert licenses(chime, account) == ["Basic", "Pro"]
