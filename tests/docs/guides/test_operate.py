import json
import logging


def test_each_line_of_the_log_is_one_object(capsys):
    logger = logging.getLogger("orders")
    handler = logging.root.handlers[0]
    record = logger.makeRecord("orders", logging.WARNING, __file__, 1, "said\nin two lines", (), None)
    assert handler.filter(record)
    line = handler.format(record)
    assert "\n" not in line
    assert json.loads(line)["text"] == "said\nin two lines"
