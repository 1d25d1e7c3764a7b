-- Common questions about the bets table, as views for DuckDB.
--
-- First make a relation `bets`:
--
--     install delta; load delta;                                             -- once, with access to the internet
--     create view bets as from delta_scan('s3://lake/bets');
--
-- or in Python, without an extension:
--
--     con.register("bets", DeltaTable("s3://lake/bets").to_pyarrow_dataset())
--
-- then `.read bets_views.sql`. The views of `examples/dbt` give the same answers.

-- One row a bet that the provider still reports. Cancelled and void bets have net 0.
create or replace view live_bets as
select * from bets where missing_since is null;

-- GGR: what the house won. Turnover counts settled bets only. A bet without a payout has no result yet.
create or replace view ggr as
select
    provider,
    bet_date,
    game_id,
    currency,
    count(*) as bets,
    coalesce(sum(stake) filter (where status = 'settled'), 0) as turnover,
    coalesce(sum(payout), 0) as payout,
    coalesce(-sum(net), 0) as ggr,
    count(*) filter (where net is null) as bets_without_result
from live_bets
where status is null or status <> 'open'
group by provider, bet_date, game_id, currency;

create or replace view ggr_by_day as
select
    provider,
    bet_date,
    currency,
    sum(bets) as bets,
    sum(turnover) as turnover,
    sum(payout) as payout,
    sum(ggr) as ggr,
    sum(bets_without_result) as bets_without_result
from ggr
group by provider, bet_date, currency;

-- Bets whose result is not known yet, the oldest first.
create or replace view open_bets as
select provider, account, bet_id, player_id, game_id, currency, stake, placed_at, extracted_at
from live_bets
where status = 'open'
order by placed_at;

-- Bets that the provider changed a day or more after they were placed: they move the GGR of a day that was reported already.
create or replace view late_corrections as
select
    provider,
    account,
    bet_id,
    bet_date,
    status,
    currency,
    net,
    placed_at,
    updated_at,
    updated_at - placed_at as late_by
from live_bets
where updated_at - placed_at >= interval 1 day;

-- Bets that a slot reported once and no longer reports when it is extracted again.
create or replace view missing_bets as
select provider, account, bet_id, bet_date, status, currency, stake, net, stream, slot_start, slot_end, missing_since
from bets
where missing_since is not null;
