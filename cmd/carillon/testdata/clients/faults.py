# What boto3 makes of faults, in two of its retry modes. The test is fault_clients_test.go.
import json
import os
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = os.environ["AWS_ENDPOINT_URL_CHIME"]


def put(**rule):
    """Puts a rule in place of all others."""
    body = json.dumps({"id": "py", "test": "boto3", **rule}).encode()
    urllib.request.urlopen(urllib.request.Request(endpoint + "/_carillon/faults", body, method="PATCH")).read()


def client(mode):
    chime = boto3.client("chime", region_name="us-east-1", endpoint_url=endpoint,
                         config=Config(retries={"mode": mode, "total_max_attempts": 3}))
    # Faults of other clients of the same service are not for this one.
    chime.meta.events.register("before-sign", lambda request, **_: request.headers.add_header("x-carillon-test", "boto3"))
    return chime


def clear():
    urllib.request.urlopen(urllib.request.Request(endpoint + "/_carillon/faults", b'[{"id": "py"}]', method="DELETE")).read()


def retries(call, **args):
    """Returns how often a call that succeeds was sent again."""
    return call(**args)["ResponseMetadata"]["RetryAttempts"]


account = os.environ["ENTERPRISE"]
for mode in "legacy", "standard":
    chime = client(mode)
    for effect in {"statusCode": 503}, {"connection": "empty"}, {"connection": "reset"}:
        put(count=1, effect=effect)
        assert retries(chime.get_account, AccountId=account) == 1, (mode, effect)
        clear()

    # Only the legacy mode takes any 429 for a reason to try again.
    put(count=1, effect={"code": "ThrottledClientException"})
    try:
        assert retries(chime.get_account, AccountId=account) == 1 and mode == "legacy", mode
    except ClientError as e:
        assert e.response["Error"]["Code"] == "ThrottledClientException" and mode == "standard", (mode, e.response)
    clear()

    # A lost reply is settled: the room is made once.
    name = "From boto3, " + mode
    put(operation="CreateRoom", where="after", count=1, effect={"connection": "empty"})
    assert retries(chime.create_room, AccountId=account, Name=name, ClientRequestToken=mode) == 1
    assert [r["Name"] for r in chime.list_rooms(AccountId=account)["Rooms"]].count(name) == 1
    clear()
