# bash completion of stats-service, generated from its commands
_stats_service() {
    local current=${COMP_WORDS[COMP_CWORD]} words=
    if ((COMP_CWORD == 1)); then
        words="serve demo config_check config_template healthcheck audit_list version help completion manual licenses db_create db_init db_upgrade db_adopt db_export db_backup db_restore db_status db_rebuild db_distribute db_empty client_create client_list client_update client_token_rotate client_delete client_coordinates_set client_coordinates_unset client_sharing_activate client_sharing_deactivate stats_push stats_pull stats_delete stats_purge stats_list_last stats_remove_duplicate sync_test mosp_is_object_published --help --version -v"
    else
        case ${COMP_WORDS[1]} in
        help) ((COMP_CWORD == 2)) && words="serve demo config_check config_template healthcheck audit_list version help completion manual licenses db_create db_init db_upgrade db_adopt db_export db_backup db_restore db_status db_rebuild db_distribute db_empty client_create client_list client_update client_token_rotate client_delete client_coordinates_set client_coordinates_unset client_sharing_activate client_sharing_deactivate stats_push stats_pull stats_delete stats_purge stats_list_last stats_remove_duplicate sync_test mosp_is_object_published" ;;
        serve) words="--help" ;;
        demo) words="--help" ;;
        config_check) words="--json --help" ;;
        config_template) words="--help" ;;
        healthcheck) words="--ready --help" ;;
        audit_list) words="--since --json --help" ;;
        version) words="--json --help" ;;
        completion) words="--shell --help" ;;
        manual) words="--section --help" ;;
        licenses) words="--help" ;;
        db_create) words="--json --help" ;;
        db_init) words="--json --help" ;;
        db_upgrade) words="--json --help" ;;
        db_adopt) words="--dry-run --json --help" ;;
        db_export) words="--output --help" ;;
        db_backup) words="--output --with-key --json --help" ;;
        db_restore) words="--input --dry-run --json --help" ;;
        db_status) words="--quick --json --help" ;;
        db_rebuild) words="--check --json --help" ;;
        db_distribute) words="--dry-run --yes -y --help" ;;
        db_empty) words="--yes -y --help" ;;
        client_create) words="--name --uuid --token --token-file --role --json --help" ;;
        client_list) words="--table --json --help" ;;
        client_update) words="--uuid --name --role --active --inactive --local --no-local --processing --no-processing --json --help" ;;
        client_token_rotate) words="--uuid --grace --json --help" ;;
        client_delete) words="--uuid --yes -y --json --help" ;;
        client_coordinates_set) words="--uuid --latitude --longitude --json --help" ;;
        client_coordinates_unset) words="--uuid --json --help" ;;
        client_sharing_activate) words="--uuid --json --help" ;;
        client_sharing_deactivate) words="--uuid --json --help" ;;
        stats_push) words="--local-client-uuid --remote-token --token-file --date-from --date-to --type --dry-run --resend --json --help" ;;
        stats_pull) words="--client-uuid --token --token-file --stats-type --date-from --date-to --full --dry-run --json --help" ;;
        stats_delete) words="--client-uuid --yes -y --json --help" ;;
        stats_purge) words="--nb-month --yes -y --json --help" ;;
        stats_list_last) words="--json --help" ;;
        stats_remove_duplicate) words="--type --nb-month --yes -y --json --help" ;;
        sync_test) words="--remote-token --token-file --json --help" ;;
        mosp_is_object_published) words="--uuid --verbose -v --json --help" ;;
        esac
        case ${COMP_WORDS[COMP_CWORD-1]} in
        --token-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --shell) words="bash zsh fish" ;;
        --role) words="user admin" ;;
        --type) words="all risk vulnerability threat cartography compliance" ;;
        --stats-type) words="all risk vulnerability threat cartography compliance" ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _stats_service stats-service
