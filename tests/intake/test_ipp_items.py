"""Which test shows which item of the IPP standards: a table that a machine keeps true. Left out on purpose: 5100.18."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LETTER, HOLDING, RELEASE = (
    "journeys/test_ipp_to_the_letter.py",
    "journeys/test_holding.py",
    "journeys/test_release_and_storage.py",
)
TERMS, SUBSCRIBED, EVENTS = "intake/test_terms.py", "intake/test_subscriptions.py", "journeys/test_events_and_system.py"
OPERATORS, SUITES, FOUND = "journeys/test_ipp_operators.py", "journeys/test_ipptool.py", "journeys/test_discovery.py"

ITEMS: dict[str, tuple[str, ...]] = {
    # What conformance suites look at
    "I-1 to I-8: how a request begins": (f"{LETTER}::test_a_request_is_judged_by_how_it_begins",),
    "I-9: Identify-Printer": (
        f"{LETTER}::test_the_device_behind_a_queue_shows_itself_when_somebody_asks",
        f"{LETTER}::test_a_queue_none_of_whose_devices_can_show_itself_says_so",
    ),
    "Send-Document without last-document": (
        f"{LETTER}::test_send_document_without_last_document_is_refused_and_the_job_can_be_cancelled",
    ),
    "Print-Job and Send-Document without a document": (
        f"{LETTER}::test_a_request_that_has_to_bring_a_document_and_brings_none_is_refused",
    ),
    "Print-URI and Send-URI are not offered": (
        f"{OPERATORS}::test_every_operation_that_is_offered_is_there_and_no_other",
    ),
    "my-jobs of another": (f"{LETTER}::test_nobody_lists_anothers_jobs_as_their_own",),
    "Cancel-Job of a completed job": (f"{LETTER}::test_a_job_that_has_ended_is_still_known_and_not_cancelled_again",),
    "job-hold-until in either group": (f"{LETTER}::test_a_hold_is_read_from_either_group",),
    "job-password in the operation group": (
        f"{HOLDING}::test_a_job_with_a_pin_prints_for_who_types_it_and_for_nobody_else",
        f"{SUITES}::test_a_stock_file_of_one_operation_has_no_failure",
    ),
    "I-10: requested-attributes": (
        f"{LETTER}::test_the_long_list_of_media_is_told_only_where_it_is_named",
        f"{LETTER}::test_a_list_of_names_returns_that_list_and_nothing_else",
        f"{LETTER}::test_the_two_classes_share_no_attribute_and_make_up_the_whole",
    ),
    "Printer attributes: syntax, count, values": (
        f"{LETTER}::test_an_attribute_of_the_printer_has_its_syntax_its_count_and_its_values",
        f"{LETTER}::test_a_default_is_among_what_is_supported",
        f"{LETTER}::test_counts_that_belong_together_are_alike",
        f"{LETTER}::test_every_medium_has_a_size_margins_a_source_and_a_type",
        f"{LETTER}::test_a_queue_of_one_colour_says_nothing_of_colour",
        f"{LETTER}::test_what_is_not_known_is_said_to_be_so",
    ),
    "I-12 to I-19: job attributes": (
        f"{LETTER}::test_a_job_tells_all_that_clients_ask_for",
        f"{LETTER}::test_a_waiting_job_has_no_times_of_what_has_not_happened",
        f"{LETTER}::test_what_a_client_asked_for_comes_back_to_it_unchanged",
        f"{LETTER}::test_an_empty_job_can_be_closed_looked_at_and_cancelled",
    ),
    "Get-Jobs: names, order, first-index, limit, job-printer-uri": (
        f"{LETTER}::test_a_list_of_jobs_holds_what_was_asked_for_in_the_order_that_was_asked_for",
        f"{LETTER}::test_a_list_that_makes_no_sense_is_refused",
    ),
    "Validate-Job, Validate-Document": (f"{LETTER}::test_what_would_be_refused_is_refused_before_a_job_is_made",),
    "Alerts and supplies: grammar": (
        f"{LETTER}::test_an_attribute_of_the_printer_has_its_syntax_its_count_and_its_values",
    ),
    "B-1 to B-5: DNS-SD": (
        f"{FOUND}::test_a_queue_is_found_and_what_is_told_is_what_it_says_of_itself",
        f"{FOUND}::test_a_queue_that_was_found_is_printed_to_inside_tls",
        f"{EVENTS}::test_a_cups_client_goes_on_in_tls_on_the_port_that_begins_in_clear",
    ),
    "D-1 to D-3: documents and compressions": (
        f"{LETTER}::test_a_document_reaches_the_device_octet_for_octet",
        f"{SUITES}::test_the_suite_of_ipp_everywhere_prints_all_samples_without_failure",
    ),
    # Hold and schedule
    "job-hold-until, its names and times": (
        f"{TERMS}::test_what_holds_a_job_and_until_when",
        f"{TERMS}::test_what_cannot_be_kept_is_given_back_as_it_came",
        f"{HOLDING}::test_a_job_prints_by_itself_when_its_time_has_come",
        f"{RELEASE}::test_a_time_that_came_while_the_house_was_off_lets_the_job_print_when_it_is_back",
    ),
    "indefinite needs Release-Job": (f"{HOLDING}::test_a_hold_without_end_is_ended_by_its_sender",),
    "job-delay-output-until": (f"{RELEASE}::test_a_delayed_output_is_a_hold_that_says_so",),
    "job-retain-until and its kin": (f"{TERMS}::test_everything_a_sender_may_ask_about_release_and_keeping_is_read",),
    "job-cancel-after": (f"{RELEASE}::test_what_prints_for_longer_than_its_sender_allows_is_stopped",),
    # Secure release
    "job-password, its lengths and encryptions": (
        f"{TERMS}::test_a_job_password_has_its_lengths_and_its_encryptions",
        f"{RELEASE}::test_release_job_with_the_password_prints_and_without_it_waits",
        f"{RELEASE}::test_wrong_guesses_count_on_after_a_restart",
        f"{RELEASE}::test_no_password_of_a_job_is_found_in_any_file_of_the_house",
    ),
    "job-release-action": (
        f"{RELEASE}::test_a_release_by_password_without_one_is_refused_whatever_the_fidelity",
        f"{RELEASE}::test_a_job_for_its_owner_at_a_device_is_released_by_nothing_else",
    ),
    "job-storage, which-jobs stored-*": (
        f"{RELEASE}::test_a_stored_job_is_listed_for_its_person_alone_and_prints_until_it_is_deleted",
        f"{RELEASE}::test_a_job_that_is_printed_and_stored_can_be_shared_with_everybody",
    ),
    "proof-copies, proof-print": (f"{RELEASE}::test_a_proof_comes_out_first_and_the_run_after_a_word",),
    "-default and -supported of all of these": (
        f"{TERMS}::test_a_queue_says_default_and_supported_of_everything_a_job_may_ask",
    ),
    "Others' titles and names are not told": (f"{OPERATORS}::test_anothers_job_looks_like_no_job",),
    # Notifications
    "Subscriptions with a job and of a queue": (
        f"{EVENTS}::test_a_subscription_comes_with_the_job_it_is_about",
        f"{EVENTS}::test_a_client_follows_its_job_by_events_across_a_restart",
    ),
    "What cannot be subscribed to": (f"{EVENTS}::test_what_is_not_offered_is_said_for_each_subscription_on_its_own",),
    "An event has what the standard says": (f"{EVENTS}::test_an_event_tells_what_the_standard_names",),
    "notify-wait": (f"{EVENTS}::test_whoever_waits_for_an_event_is_answered_when_it_comes",),
    "Leases, renewed and run out": (f"{SUBSCRIBED}::test_a_lease_ends_by_house_seconds_unless_it_is_renewed",),
    "ippget-event-life, sequence numbers": (
        f"{SUBSCRIBED}::test_an_event_is_kept_for_its_life_and_numbers_never_come_twice",
    ),
    "Limits": (
        f"{SUBSCRIBED}::test_nobody_has_more_subscriptions_than_the_settings_allow_and_old_ones_make_room",
        f"{SUBSCRIBED}::test_more_events_than_an_answer_holds_come_with_the_next_one",
    ),
    "events-complete": (f"{SUBSCRIBED}::test_a_subscription_of_a_job_ends_with_it_and_says_that_nothing_follows",),
    # The System service
    "Get-System-Attributes": (
        f"{EVENTS}::test_the_system_names_its_queues_to_everybody_and_its_version_to_operators_only",
    ),
    "Get-Printers: filters and numbers": (f"{EVENTS}::test_get_printers_filters_and_pages_and_numbers_stay",),
    "Disable- and Enable-All-Printers": (f"{EVENTS}::test_only_who_manages_queues_closes_them_all",),
    "system-uri and printer-uri are kept apart": (
        f"{EVENTS}::test_system_operations_are_asked_of_the_system_and_no_other_of_it",
    ),
}


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_is_shown_by_tests_that_are_there(item: str) -> None:
    for named in ITEMS[item]:
        file, _, test = named.partition("::")
        assert f"def {test}(" in (TESTS / file).read_text(), named
