"""Fixtures for pytest. Copy this file beside your tests; it needs boto3.

The service is the one that AWS_ENDPOINT_URL_CHIME names, such as `carillon serve --test` on this
machine, or that of a compose file. Without this variable, testcontainers starts one for the run,
from the image `carillon` (examples/README.md says how to make it).
"""

import json
import os
import urllib.error
import urllib.request

import boto3
import pytest


@pytest.fixture(scope="session")
def endpoint():
    """The URL of the service."""
    url = os.environ.get("AWS_ENDPOINT_URL_CHIME")
    if url:
        yield url
        return
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    container = DockerContainer("carillon").with_command("serve --test=public").with_exposed_ports(24463)
    with container.waiting_for(HttpWaitStrategy(24463, "/_carillon/health")):
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(24463)}"


@pytest.fixture
def service(endpoint):
    """Tells the service what a test wants of it: service("POST", "clock", {"advance": "24h"}).

    Each test begins with an empty directory, no faults, and the time of the machine.
    """

    def call(method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{endpoint}/_carillon/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as refusal:
            pytest.fail(json.load(refusal)["message"])

    call("POST", "reset")
    return call


@pytest.fixture
def chime(endpoint, service):
    """A client of the service, as your program makes it. All services for tests have this key."""
    return boto3.client(
        "chime",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIACARILLONTEST0000",
        aws_secret_access_key="carillonTestSecretAccessKey0000000000000",
    )
