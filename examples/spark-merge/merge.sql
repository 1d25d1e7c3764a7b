-- Merge staged bets into the bets table, by the rule of airflow_betproviders.bets_table.plan.wins.
--
-- Needs the relations `bets` (the Delta table), `staged_bets` and `staged_slots` (the Parquet files of stage_bets.py).

-- Each bet once, in the newest of its staged versions.
create or replace temporary view newest_bets as
select
    provider, bet_date, account, bet_id, round_id, player_id, game_id, game_type, currency, stake, payout, net, valid_stake,
    jackpot_contribution, jackpot_payout, fee, balance_before, balance_after, placed_at, settled_at, updated_at, status,
    missing_since, stream, slot_start, slot_end, extracted_at, rest
from (
    select
        *,
        row_number() over (
            partition by provider, account, bet_id
            order by updated_at desc, extracted_at desc, slot_start desc, slot_end desc, stream desc
        ) as version
    from staged_bets
) as ranked
where version = 1;

merge into bets as old
using newest_bets as new
on old.provider = new.provider and old.account = new.account and old.bet_id = new.bet_id
when matched and (
    -- the newer version wins
    new.updated_at > old.updated_at
    or (new.updated_at = old.updated_at and (
        new.extracted_at > old.extracted_at
        or (new.extracted_at = old.extracted_at and (
            new.slot_start > old.slot_start
            or (new.slot_start = old.slot_start and (
                new.slot_end > old.slot_end
                or (new.slot_end = old.slot_end and new.stream > old.stream)
            ))
        ))
    ))
    -- a slot that was extracted again overrides its own rows
    or (
        new.stream = old.stream and new.slot_start <= old.slot_start and new.slot_end >= old.slot_end
        and new.extracted_at >= old.extracted_at
    )
    -- a missing bet is missing no longer
    or (old.missing_since is not null and new.extracted_at > old.extracted_at)
) then update set *
when not matched then insert *;

-- A row that only an older version of a staged slot brought is missing.
merge into bets as old
using staged_slots as slot
on old.provider = slot.provider and old.account = slot.account and old.stream = slot.stream
    and old.slot_start >= slot.slot_start and old.slot_end <= slot.slot_end
    and old.extracted_at < slot.extracted_at and old.missing_since is null
when matched then update set missing_since = slot.extracted_at;
