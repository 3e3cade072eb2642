"""The task of procrastinate that stands beside our receivers: it writes one row, as they do.

Set up as procrastinate's documentation has it: failed jobs are retried, and jobs of a dead worker are found by a
periodic task.
"""

import os

import procrastinate
from psycopg_pool import ConnectionPool

URL = os.environ["DATABASE_URL"]
FAILING_FILE = os.environ["SHOP_FAILING_FILE"]
HEARD = "INSERT INTO shop_heard (receiver, event_id, event_type, order_number) VALUES ('job', %s, 'job', '')"

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))
pool = ConnectionPool(URL, min_size=1, max_size=2, open=False, kwargs={"autocommit": True})


@app.task(name="hear", retry=procrastinate.RetryStrategy(max_attempts=100, wait=5))
def hear(number):
    if os.path.exists(FAILING_FILE):
        raise RuntimeError("the service is away")
    pool.open()
    with pool.connection() as connection:
        connection.execute(HEARD, [number])


@app.periodic(cron="* * * * *")
@app.task(name="retry_stalled", pass_context=True)
async def retry_stalled(context, timestamp):
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)
