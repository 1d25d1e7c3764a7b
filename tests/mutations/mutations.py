"""Deliberate breaks of the code, one at a time, and the tests that must fail then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One mistake.

    Attributes:
        name: What is done wrong.
        file: Below ``airflow_betproviders/``.
        old: Text that stands there exactly once.
        new: What takes its place.
        tests: Files and folders below ``tests/``, and options of pytest; at least one of these tests must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


_CASES = "cases/test_completeness.py"
_DRIFT = "extraction/decode/test_decode_drift.py"

MUTATIONS = (
    Mutation(
        "drop a row",
        "extraction/write/row_groups.py",
        "            tables.append(table)\n            places.append(order[:rows] + before)",
        "            tables.append(table)\n            places.append(order[: rows - (rows == len(order))] + before)",
        ("extraction/test_what_always_holds.py", "extraction/write/test_row_groups.py"),
    ),
    Mutation(
        "keep the older version of a row",
        "extraction/answers/keys.py",
        "newest[0] > rank",
        "newest[0] < rank",
        ("extraction/fetch/test_window_reader.py", "extraction/write/test_slot_writer.py"),
    ),
    Mutation(
        "skip the check of the total",
        "declare/pagination/page_number.py",
        "        if distinct == total:",
        "        if distinct <= total:",
        ("extraction/fetch/test_window_reader.py",),
    ),
    Mutation(
        "believe a provider that ignores the page number",
        "declare/pagination/page_number.py",
        "if after[-1].new or after[-1].rows != 1:",
        "if after[-1].new:",
        (_CASES, "-k", "ignores_the_page_number"),
    ),
    Mutation(
        "believe that windows include one of their ends",
        "extraction/fetch/completeness/window_boundaries.py",
        "        self.window_ends.find_out(row_on_end=bool(self._edge and self._edge.on_end))",
        "        pass",
        ("cases/test_boundaries.py", "-k", "leave_out_both_ends"),
    ),
    Mutation(
        "believe what windows included yesterday",
        "extraction/fetch/completeness/window_ends.py",
        "        if self._remembered and row_on_end:",
        "        if False:",
        ("cases/test_boundaries.py", "-k", "begins_to_leave_out"),
    ),
    Mutation(
        "believe a report of the day after its window",
        "extraction/fetch/completeness/other_days.py",
        "            raise self._refusal(window, _day_after(window))\n",
        "            pass\n",
        ("cases/test_boundaries.py", "-k", "days_of_another_zone"),
    ),
    Mutation(
        "archive the extra call around a slot's start with the slot before",
        "extraction/slot_call_stats.py",
        "window.start + window.width / 2",
        "window.start",
        ("cases/test_boundaries.py", "-k", "archive"),
    ),
    Mutation(
        "ignore the lag",
        "hooks/base.py",
        "interval.end + stream.lag if",
        "interval.end if",
        ("operators/test_extract.py",),
    ),
    Mutation(
        "ignore the provider's clock",
        "hooks/base.py",
        "EarlyAnswers(window, stream.lag, self.now()) if window else None",
        "None",
        ("cases/test_clocks.py",),
    ),
    Mutation(
        "forget the halving: take a full answer for complete",
        "declare/pagination/one_answer.py",
        "return rows >= self.limit",
        "return rows > self.limit",
        ("extraction/fetch/test_pagination_kinds.py", "-k", "full"),
    ),
    Mutation(
        "leave out the row on a boundary",
        "extraction/fetch/completeness/window_boundaries.py",
        "        if not asked or self.window_ends.starts_held",
        "        if True or self.window_ends.starts_held",
        ("cases/test_windows.py", "-k", "a14"),
    ),
    Mutation(
        "lose a rejected row on the start of a slot",
        "extraction/slot_builder.py",
        "self._bad_rows += [row for row in rows.rejected if row.raw not in known]",
        "pass",
        ("cases/test_boundaries.py", "-k", "every_row"),
    ),
    Mutation(
        "forget the versions that were shown",
        "extraction/answers/row_versions.py",
        "self.where(~present | older)",
        "self.where(~present)",
        ("extraction/fetch/test_window_reader.py", "extraction/test_row_versions.py"),
    ),
    Mutation(
        "keep the older version of a row on a boundary",
        "extraction/fetch/completeness/window_boundaries.py",
        "newer = rows.take_newer(before.on_end, self._stream)",
        "newer = 0",
        ("extraction/fetch/completeness/test_window_boundaries.py",),
    ),
    Mutation(
        "believe a cursor whose rows come later than it goes back",
        "declare/pagination/cursor.py",
        "                raise DisorderedRows(disorder_ms)",
        "                continue",
        ("extraction/fetch/test_pagination_kinds.py", "-k", "later_than"),
    ),
    Mutation(
        "believe a read that lacks rows which were shown",
        "extraction/fetch/window_reader.py",
        "        if read.earlier.shown is None or versions is None:",
        "        if True:",
        (_CASES, "-k", "a_row_that"),
    ),
    Mutation(
        "believe that a cap never comes down",
        "extraction/fetch/truncation/slot_sizes.py",
        "_COINCIDENCE = 0.02",
        "_COINCIDENCE = 0.0",
        ("cases/test_hourly_runs.py", "-k", "cap_that_came_down"),
    ),
    Mutation(
        "believe that no server counts bytes",
        "extraction/fetch/truncation/answer_sizes.py",
        "        return size >= FEW_BYTES and",
        "        return False and",
        ("cases/test_byte_limits.py",),
    ),
    Mutation(
        "forget what earlier runs proved",
        "extraction/earlier_runs.py",
        "max((receipt.proven_rows for receipt in receipts), default=0)",
        "0",
        ("cases/test_hourly_runs.py", "-k", "jdb"),
    ),
    Mutation(
        "store a row on an edge in both slots",
        "extraction/fetch/completeness/window_boundaries.py",
        "            rows.filter(instants != end)",
        "            rows.filter(instants <= end)",
        ("cases/test_windows.py", "-k", "a14"),
    ),
    Mutation(
        "read an amount as a float",
        "declare/fields/scalars.py",
        'exact = exact_number(value, "an amount")',
        'exact = decimal.Decimal(str(float(exact_number(value, "an amount"))))',
        (_DRIFT, "cases/test_values.py"),
    ),
    Mutation(
        "round any amount",
        "declare/fields/scalars.py",
        "if rounded != exact and _FIFTEEN.plus(rounded) != _FIFTEEN.plus(exact):",
        "if False:",
        (_DRIFT,),
    ),
    Mutation(
        "take a time of any year",
        "declare/fields/times.py",
        "if not FIRST_SECOND <= seconds < END_SECOND:",
        "if not -END_SECOND <= seconds < END_SECOND:",
        (_DRIFT, "extraction/decode/test_kinds.py", "cases/test_values.py"),
    ),
    Mutation(
        "store a row whose version can't be read",
        "extraction/decode/coerce.py",
        "if name in self._strict:",
        "if name in self._required:",
        (_DRIFT, "cases/test_values.py"),
    ),
    Mutation(
        "believe an answer that holds nothing",
        "extraction/fetch/window_calls.py",
        "if page.doubtful:",
        "if False:",
        (_CASES, "-k", "a1_ or a3"),
    ),
    Mutation(
        "believe null beside a total of 0",
        "extraction/decode/decoder.py",
        "            page.doubtful = True\n",
        "            page.doubtful = page.total is None\n",
        (_CASES, "-k", "a3"),
    ),
    Mutation(
        "ignore a server's cap",
        "extraction/fetch/truncation/answer_sizes.py",
        "return rows > self.proven_rows or is_likely_cap(rows)",
        "return False",
        (_CASES, "-k", "a6"),
    ),
    Mutation(
        "believe parts that don't add up",
        "extraction/fetch/completeness/split_window.py",
        "if self._brought < self._counted:",
        "if False:",
        (_CASES, "-k", "a10"),
    ),
    Mutation(
        "follow an absurd total",
        "extraction/fetch/planner.py",
        "        if rows > self._plausible(window):",
        "        if rows > 10 * self._plausible(window) ** 3:",
        (_CASES, "-k", "a11"),
    ),
    Mutation(
        "let an absurd time end a cursor",
        "extraction/answers/page_answer.py",
        "        if last - first > years:",
        "        if False:",
        (_CASES, "-k", "a7"),
    ),
    Mutation(
        "store rows of another zone",
        "extraction/fetch/completeness/outside_rows.py",
        "        if count * _SLIP >= max(rows.distinct, among, 1):",
        "        if False:",
        ("cases/test_windows.py", "-k", "a12 or a13"),
    ),
    Mutation(
        "say nothing about an ignored filter",
        "extraction/fetch/completeness/filtered_rows.py",
        "            if others:",
        "            if False:",
        ("cases/test_filters.py",),
    ),
    Mutation(
        "sign once for all attempts",
        "hooks/protocol.py",
        "answer = self.transport.send(self.build(endpoint, params), permit)",
        'answer = self.transport.send(vars(self).setdefault("_once", self.build(endpoint, params)), permit)',
        ("providers/test_signatures.py",),
    ),
    Mutation(
        "quote the account's key in an error",
        "hooks/protocol.py",
        '                text = text.replace(secret, "***")\n',
        "                pass\n",
        ("cases/test_wire.py", "-k", "no_part_of_a_secret"),
    ),
    Mutation(
        "publish before the upload is complete",
        "lake/store/atomic_put.py",
        '    hidden = f"{folder}/.{name}.{uuid.uuid4().hex}.tmp"\n',
        "    hidden = target\n",
        ("lake/test_publish_local.py",),
    ),
    Mutation(
        "no deadline for a call",
        "hooks/http/deadline.py",
        "        left = self._ends - time.monotonic()",
        "        left = self.seconds",
        ("cases/test_wire.py", "-k", "w3"),
    ),
    Mutation(
        "receive twice as much as an answer may have",
        "hooks/http/answer.py",
        "                if left < 0:",
        "                if left < -most:",
        ("cases/test_wire.py", "-k", "read_exactly"),
    ),
    Mutation(
        "no range check on the fast way",
        "extraction/decode/columns.py",
        "    check(array)\n    return array",
        "    return array",
        (_DRIFT, "extraction/decode/test_kinds.py"),
    ),
    Mutation(
        "lose the last row of a chunk",
        "extraction/decode/table_builder.py",
        "rows[start : start + _CHUNK],",
        "rows[start : start + _CHUNK - 1],",
        (_DRIFT, "extraction/decode/test_formats.py"),
    ),
    Mutation(
        "round a time up",
        "declare/fields/times.py",
        "truncated = seconds.quantize(decimal.Decimal(1).scaleb(-places), context=_EXACT)",
        "truncated = seconds.quantize(decimal.Decimal(1).scaleb(-places), decimal.ROUND_UP, _EXACT)",
        (_DRIFT, "extraction/decode/test_kinds.py"),
    ),
    Mutation(
        "believe an answer with far fewer rows than its neighbours",
        "extraction/fetch/truncation/sparse_answers.py",
        "if expected >= _EXPECTED and",
        "if expected < 0 and",
        ("cases/test_completeness.py",),
    ),
    Mutation(
        "believe one empty answer for a slot",
        "extraction/fetch/window_reader.py",
        "twice = rows.proof == SECOND_READ or self._may_lack_all(rows)",
        "twice = rows.proof == SECOND_READ",
        ("cases/test_completeness.py",),
    ),
    Mutation(
        "keep no odd or rounded value",
        "extraction/decode/coerce.py",
        "extra[name] = [*extra[name], value] if name in extra else value",
        "pass",
        (_DRIFT,),
    ),
    Mutation(
        "no limit of depth",
        "declare/fields/json_text.py",
        "MAX_DEPTH = 200",
        "MAX_DEPTH = 100_000",
        (_DRIFT, "fuzz/test_fuzz.py"),
    ),
    Mutation(
        "no limit of a number's length",
        "declare/fields/json_text.py",
        "MAX_NUMBER = 100 ",
        "MAX_NUMBER = 10_000_000 ",
        (_DRIFT, "fuzz/test_fuzz.py", "cases/test_values.py"),
    ),
    Mutation(
        "read the lake in the triggerer's loop",
        "notifications/notifier.py",
        "if not await sync_to_async(self._write)(context):",
        "if not self._write(context):",
        ("notifications/test_alerts.py",),
    ),
    Mutation(
        "say nothing of a late run",
        "notifications/messages.py",
        "if not deadline or not run:",
        "if not deadline or run:",
        ("notifications/test_alerts.py",),
    ),
    Mutation(
        "lose the arguments of a notifier's base class",
        "notifications/stored_notifier.py",
        "if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):",
        "if parameters:",
        ("notifications/test_alerts.py",),
    ),
    Mutation(
        "believe that rows moved without a look",
        "extraction/fetch/completeness/moved_rows.py",
        "for later in self._after(window):",
        "for later in self._after(window):\n            return True",
        ("cases/test_completeness.py", "extraction/fetch/test_window_reader.py"),
    ),
    Mutation(
        "believe a total that came down",
        "extraction/fetch/window_calls.py",
        "if total is None or total >= counted or not answers[-1].rows:",
        "if True:",
        ("extraction/fetch/test_window_reader.py",),
    ),
    Mutation(
        "let an amount wrap beyond 128 bits",
        "declare/fields/scalars.py",
        "max(1, min(self.precision, _MOST_DIGITS - self.scale))",
        "self.precision",
        ("cases/test_values.py", "-k", "another_amount"),
    ),
    Mutation(
        "let a sum wrap beyond 128 bits",
        "extraction/decode/arrays.py",
        "elif not integers and largest",
        "elif integers and largest",
        ("extraction/write/test_slot_writer.py", "-k", "wrap"),
    ),
    Mutation(
        "read the daily sums of several days as one",
        "providers/jdb/streams.py",
        "step=_DAY, divisible=False)",
        "step=_DAY)",
        ("cases/test_pandas.py", "-k", "a17"),
    ),
    Mutation(
        "replace a slot that another task read later",
        "extraction/publishing.py",
        "receipt.made_at >= slot.receipt.made_at",
        "receipt.made_at < slot.receipt.made_at",
        ("cases/test_lake.py", "-k", "meanwhile"),
    ),
    Mutation(
        "take a record of other members for figures at once",
        "extraction/decode/decoder.py",
        "page.table.drop_columns([EXTRA])",
        "page.table",
        ("cases/test_odd_answers.py", "-k", "summary"),
    ),
    Mutation(
        "take rows that add up to less than the report's own sum",
        "extraction/fetch/completeness/assembly.py",
        "if added < total:",
        "if added < 0:",
        ("cases/test_odd_answers.py", "-k", "own_sum"),
    ),
    Mutation(
        "replace smaller slots that were read later",
        "lake/publish.py",
        "if receipt and receipt.made_at > made_at:",
        "if receipt and receipt.made_at < receipt.made_at:",
        ("cases/test_lake.py", "-k", "wider_slot"),
    ),
)
