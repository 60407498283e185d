#!/usr/bin/env python3
"""Posts the stats of an analysis of two days and lists all threats of the last three months.

Needs Python 3.8 and nothing beside its standard library:

    STATS_SERVER=https://stats.example.org STATS_TOKEN=… python3 stats.py
"""

import datetime
import http.client
import json
import os
import time
import urllib.error
import urllib.request

BUSY = (429, 502, 503, 504)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keeps the key with the service that it is meant for."""

    def redirect_request(self, *args):
        return None


opener = urllib.request.build_opener(NoRedirect)


def call(method, path, body=None):
    """Calls the service, again when it is busy, and returns the decoded answer."""
    request = urllib.request.Request(
        os.environ["STATS_SERVER"].rstrip("/") + "/api/v1" + path,
        method=method,
        data=json.dumps(body).encode(),
        headers={"X-API-KEY": os.environ["STATS_TOKEN"], "Content-Type": "application/json"},
    )
    for attempt in range(1, 7):
        pause = 2**attempt
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in BUSY or attempt == 6:
                raise SystemExit(f"the stats service answered {error.code}: {error.read().decode()}")
            if error.headers.get("Retry-After", "").isdigit():
                pause = int(error.headers["Retry-After"])
        except (OSError, http.client.HTTPException) as error:
            if attempt == 6:
                raise SystemExit(f"no answer of the stats service: {error}")
        time.sleep(min(pause, 300))


# The service recognises a stat that it has already, so that repeating is safe.
today = datetime.datetime.now(datetime.timezone.utc).date()
call("POST", "/stats/", [{
    "anr": "5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11",
    "type": "threat",
    "date": (today - datetime.timedelta(days=days_ago)).isoformat(),
    "data": [{"uuid": "b402d4d8-4576-11e9-9173-0800277f0571", "label2": "Theft",
              "count": 2, "maxRisk": 12, "averageRate": "1.5"}],
} for days_ago in range(2)])

limit = 5  # small, to show several pages; 500 is a good size
offset = 0
while True:
    page = call("GET", "/stats/", {"type": "threat", "offset": offset, "limit": limit})["data"]
    for stat in page:
        for threat in stat["data"]:
            print(stat["date"], stat["anr"], threat["label2"], threat["count"], threat["averageRate"])
    offset += len(page)
    if len(page) < limit:
        break
